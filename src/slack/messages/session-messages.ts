import { short } from '../../access/ids.ts';
import type { ChannelSummary, Session, SessionEnding } from '../../access/session.ts';
import type { SessionsView } from '../../use-cases/views/views.ts';
import { actions, type Block, bullets, context, LIMITS, rich, section, textLength } from '../words/blocks.ts';
import { detailsButton, endSessionButton } from '../words/buttons.ts';
import { dotted, type Line, line, mono, own, strong, tag, timeOf, toNotification, value } from '../words/line.ts';
import { bytes, count, duration } from '../words/units.ts';
import { coverageLine, exitOf } from './coverage.ts';
import { deeds } from './deeds.ts';
import { doerOf, nameOf } from './engagement-message.ts';

const BUTTONS_MAX = 20;
const ENDED_MAX = 10;
const REFUSALS_MAX = 10;

type Names = SessionsView['names'];
type Message = { readonly text: string; readonly blocks: Block[] };
export type Ended = Session & { readonly ended: NonNullable<Session['ended']> };
export const isEnded = (session: Session): session is Ended => session.ended !== null;

/** The line that sessions of one person on one target share in the engagement's thread: counts, no commands, no addresses. */
export function sessionLine(view: SessionsView): Message {
  const { sessions, names } = view;
  const [first] = sessions;
  if (!first) return { text: 'No sessions', blocks: [section(line`No sessions`)] };
  const live = sessions.filter((session) => !isEnded(session));
  const ended = sessions.filter(isEnded);
  const who = line`${nameOf(names, first.personId)} on ${mono(`${first.login}@${first.targetId}`, 110)}`;
  const said = headline(view, live, ended, who);
  const recent = ended.slice(-ENDED_MAX);
  return {
    text: toNotification(said),
    blocks: [
      section(said),
      ...(sessions.length === 1 ? [] : ongoing(live)),
      ...(sessions.length === 1 ? single(recent) : several(ended, recent, names)),
      actions('live_sessions', [...terminateButtons(live), detailsButton('sessions', first.id)]),
    ],
  };
}

function headline(
  { sessions, names }: SessionsView,
  live: readonly Session[],
  ended: readonly Ended[],
  who: Line,
): Line {
  const [first] = sessions;
  const [only] = ended;
  const since = first ? first.startedAt : '';
  if (live.length > 0) {
    return sessions.length === 1
      ? line`:large_green_circle: Session started: ${who}, ${since}`
      : line`:large_green_circle: ${own(count(sessions.length, 'session'))}, *${live.length} live*: ${who}, since ${since}`;
  }
  return sessions.length === 1 && only
    ? line`${iconOf(only.ended.ending)} ${howItEnded(only.ended.ending, names)} after ${own(lasted(only))}: ${who}, started ${since}`
    : line`:white_circle: ${own(count(sessions.length, 'session'))}, all ended: ${who}, since ${since}`;
}

export const lasted = ({ startedAt, ended }: Ended): string =>
  duration((ended.at.getTime() - startedAt.getTime()) / 1000);

/** The live sessions that the buttons name. */
const ongoing = (live: readonly Session[]): Block[] =>
  live.length === 0
    ? []
    : [
        rich(
          bullets(
            live
              .slice(-ENDED_MAX)
              .map(({ id, startedAt }) => line`${timeOf(startedAt)} · live, session ${tag(short(id))}`),
          ),
        ),
      ];

const sentence = (words: string): string => `${words.charAt(0).toUpperCase()}${words.slice(1)}`;

/** What one session was. */
function single([session]: readonly Ended[]): Block[] {
  if (!session) return [];
  return [section(whatItWas(session)), context(own(traffic(session.ended.channels)))];
}

export const whatItWas = (session: Ended): Line =>
  dotted(value(sentence(coverageLine(session.ended.channels)), 600), ...afterwards(session), recordingState(session));

export function several(ended: readonly Ended[], recent: readonly Ended[], names: Names): Block[] {
  const all = ended.flatMap((session) => session.ended.channels);
  const more = ended.length > recent.length;
  return [
    ...(more
      ? [
          context(
            line`${own(count(ended.length, 'ended session'))} in all: ${dotted(own(traffic(all)), value(coverageLine(all), 600))}. The last ${ENDED_MAX}:`,
          ),
        ]
      : []),
    ...(recent.length === 0 ? [] : [rich(bullets(recent.map((session) => summary(session, names))))]),
  ];
}

/** What happened comes first. An ordinary end is not mentioned. */
const summary = (session: Ended, names: Names): Line =>
  dotted(
    timeOf(session.startedAt),
    value(coverageLine(session.ended.channels), 400),
    ...afterwards(session),
    session.ended.ending.how === 'closed'
      ? null
      : line`${iconOf(session.ended.ending)} ${howItEnded(session.ended.ending, names)}`,
    recordingState(session),
  );

const afterwards = ({ ended }: Ended): Line[] => [
  own(exits(ended.channels)),
  ...(ended.refusals.length === 0 ? [] : [own(count(ended.refusals.length, 'refusal'))]),
];

/** Shown where something is wrong with a recording. Its chain's heads are in the message's metadata and behind Details. */
function recordingState({ recording: { headAtStart, headAtEnd, state } }: Session): Line {
  if (state === 'failed') return line`:warning: recording not sealed`;
  const isKnown = headAtStart !== null || headAtEnd !== null;
  return isKnown && (state === 'interrupted' || state === 'erased') ? line`recording ${own(state)}` : [];
}

/** Whole digests that a message vouches for, kept where people do not have to look at them. */
export const headsOf = ({ sessions }: SessionsView): Readonly<Record<string, string>> =>
  Object.fromEntries(
    sessions
      .slice(-ENDED_MAX)
      .flatMap(({ id, recording: { headAtStart, headAtEnd } }) => [
        ...(headAtStart === null ? [] : [[`head_at_start:${short(id)}`, headAtStart]]),
        ...(headAtEnd === null ? [] : [[`head_at_end:${short(id)}`, headAtEnd]]),
      ]),
  );

const sum = (channels: readonly ChannelSummary[], pick: (channel: ChannelSummary) => number): number =>
  channels.reduce((all, channel) => all + pick(channel), 0);

export const traffic = (channels: readonly ChannelSummary[]): string =>
  `${bytes(sum(channels, (each) => each.bytesFromClient))} sent, ${bytes(sum(channels, (each) => each.bytesToClient))} received`;

function exits(channels: readonly ChannelSummary[]): string {
  const seen = [...new Set(channels.map((channel) => exitOf(channel)).filter((exit) => exit !== ''))];
  return seen.slice(0, 5).join(', ');
}

const iconOf = ({ how }: SessionEnding): Line =>
  own(how === 'interrupted' || how === 'failed' ? ':warning:' : ':white_circle:');

export function howItEnded(ending: SessionEnding, names: Names): Line {
  switch (ending.how) {
    case 'closed':
      return line`Session ended`;
    case 'interrupted':
      return line`Session interrupted`;
    case 'terminated':
      return ending.by
        ? line`Session ended by ${doerOf(names, ending.by)}`
        : line`Session terminated (${own(TERMINATED[ending.why])})`;
    case 'failed':
      return line`Session failed (${own(FAILED[ending.why])})`;
    default:
      return ending satisfies never;
  }
}

const TERMINATED: Readonly<Record<Extract<SessionEnding, { how: 'terminated' }>['why'], string>> = {
  revoked: 'access revoked',
  returned: 'access handed back',
  expired: 'access expired',
  ended_by_reviewer: 'somebody ended it',
  deactivated: 'account deactivated',
  unconfirmed: 'access paused, because Slack did not show who is active or in the channel',
  shutdown: 'gateway stopped',
};

const FAILED: Readonly<Record<Extract<SessionEnding, { how: 'failed' }>['why'], string>> = {
  target_unreachable: 'target unreachable',
  host_key_mismatch: 'target presented a different host key',
  target_refused: 'target refused the login',
  target_slow: 'target took too long to log in',
  no_common_algorithm: 'target and gateway have no algorithm in common',
  recording_failed: 'it could not be recorded',
  protocol: 'protocol violation',
  login_abandoned: 'client disconnected during login',
};

function terminateButtons(live: readonly Session[]) {
  return live.slice(0, BUTTONS_MAX).map((session) => endSessionButton(session.id, live.length === 1));
}

/** For security only: what was done, from where, and how to replay it. */
export function sessionDetail(view: SessionsView): Message {
  const { sessions, names, engagement } = view;
  const [session] = sessions;
  if (!session) return { text: 'No such session', blocks: [section(line`No such session`)] };
  const { ended } = session;
  const how = isEnded(session)
    ? line`${iconOf(session.ended.ending)} ${howItEnded(session.ended.ending, names)} after ${own(lasted(session))}`
    : line`:large_green_circle: Session started`;
  const who = line`${nameOf(names, session.personId)} (${value(engagement.vendor, 80)}) on ${mono(`${session.login}@${session.targetId}`, 110)}`;
  const said = line`${how}: ${who}, started ${session.startedAt}`;
  const channels = ended?.channels ?? [];
  const id = short(session.id);
  const tail: Block[] = [
    ...refused(ended?.refusals ?? []),
    context(
      line`From ${value(session.clientAddress, 60)}, ${own(session.via === 'jump' ? 'through ProxyJump' : 'directly')} · engagement ${strong(engagement.name, 80)}`,
      dotted(own(traffic(channels)), line`session ${tag(id)}`, recordingState(session)),
      ...toRead(session),
    ),
    actions('session', [detailsButton('session', session.id)]),
  ];
  const head = [section(said)];
  const room = LIMITS.messageText - textLength(head) - textLength(tail) - 200;
  return {
    text: toNotification(line`${said}. ${value(coverageLine(channels), 400)}`),
    blocks: [...head, ...deeds(channels, room), ...tail],
  };
}

/** Reading a recording takes one of its keys, and Daypass has none. */
function toRead({ id, ended, recording: { state } }: Session): Line[] {
  if (!ended || (state !== 'closed' && state !== 'interrupted')) return [];
  const exported = line`\`daypass recordings export ${own(short(id))} --identity <age identity>\``;
  const hasFiles = ended.channels.some(({ files }) => files !== null);
  const hasCasts = ended.channels.some(({ files, kind }) => files === null && kind !== 'tunnel');
  return [
    ...(hasCasts || !hasFiles
      ? [line`To replay it, run ${exported}, then \`asciinema play <file>\` for each file that it lists`]
      : []),
    ...(hasFiles ? [line`To see which files were moved, run ${exported} with \`--format files\``] : []),
  ];
}

function refused(refusals: readonly string[]): Block[] {
  if (refusals.length === 0) return [];
  const shown = refusals.slice(0, REFUSALS_MAX).map((refusal) => mono(refusal, 300));
  const rest = refusals.length - shown.length;
  const more = rest > 0 ? [line`and ${own(count(rest, 'more refusal'))}, all in the recording’s manifest`] : [];
  return [section(line`:no_entry_sign: *Refused*`), rich(bullets([...shown, ...more]))];
}
