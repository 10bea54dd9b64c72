import { short } from '../access/ids.ts';
import type { ChannelSummary, Session, SessionEnding } from '../access/session.ts';
import type { SessionsView } from '../use-cases/views.ts';
import { ACTION } from './action-ids.ts';
import { actions, type Block, button, context, LIMITS, section, sections, textLength } from './blocks.ts';
import { accountOf, coverageLine } from './coverage.ts';
import { nameOf } from './engagement-message.ts';
import { code, escapeText } from './text.ts';
import { bytes, count, duration, when } from './words.ts';

const BUTTONS_MAX = 20;
const ENDED_MAX = 10;
const COMMAND_MAX = 400;
const REFUSALS_MAX = 10;
const HEAD_SHOWN = 12;
const HEAD_LENGTH = 64;

type Ended = Session & { readonly ended: NonNullable<Session['ended']> };
const isEnded = (session: Session): session is Ended => session.ended !== null;

/** The line that sessions of one person on one target share in the engagement's thread: counts, no commands, no addresses. */
export function sessionLine(view: SessionsView): { text: string; blocks: Block[] } {
  const { sessions, names } = view;
  const [first] = sessions;
  if (!first) return { text: 'Sessions', blocks: [section('No sessions')] };
  const live = sessions.filter((session) => !isEnded(session));
  const ended = sessions.filter(isEnded);
  const who = `${nameOf(names, first.personId)} on ${code(`${first.login}@${first.targetId}`, 110)}`;
  const blocks: Block[] = [];
  if (live.length > 0) {
    blocks.push(
      section(
        sessions.length === 1
          ? `:large_green_circle: Session started: ${who} · ${when(first.startedAt)}`
          : `:large_green_circle: ${count(sessions.length, 'session')}, *${live.length} live*: ${who} · since ${when(first.startedAt)}`,
      ),
    );
  } else {
    blocks.push(
      section(`:white_circle: ${headline(ended, sessions.length)}: ${who} · started ${when(first.startedAt)}`),
    );
  }
  const heads = live.slice(-ENDED_MAX).map(recordingHeads);
  if (heads.some((each) => each !== '')) blocks.push(context(heads.filter((each) => each !== '').join(' · ')));
  const recent = ended.slice(-ENDED_MAX);
  if (ended.length > recent.length) blocks.push(context(totals(ended)));
  blocks.push(...sections(recent.map((session) => summary(session))));
  blocks.push(...terminateButtons(live));
  return { text: `Session of ${escapeText(names.get(first.personId) ?? 'somebody', 80)} on ${first.targetId}`, blocks };
}

const headline = (ended: readonly Ended[], all: number): string =>
  all === 1 && ended[0] ? howItEnded(ended[0].ended.ending) : `${count(all, 'session')}, all ended`;

function summary(session: Ended): string {
  const { ended, startedAt } = session;
  const seconds = (ended.at.getTime() - startedAt.getTime()) / 1000;
  return [
    `• ${code(short(session.id), 12)} ${howItEnded(ended.ending)} after ${duration(seconds)}`,
    traffic(ended.channels),
    coverageLine(ended.channels),
    exits(ended.channels),
    ...(ended.refusals.length === 0 ? [] : [`${count(ended.refusals.length, 'refusal')}`]),
    recordingHeads(session),
  ]
    .filter((part) => part !== '')
    .join(' · ');
}

/** Heads of the recording's chain: who read them here can tell later whether the recording is still the one of that moment. */
function recordingHeads({ recording }: Session, length = HEAD_SHOWN): string {
  const { headAtStart, headAtEnd, state } = recording;
  const heads = [headAtStart, headAtEnd].map((head) => head && code(head.slice(0, length), length + 2));
  const words = heads[1] ? `recording ${heads[0] ?? 'of an unknown beginning'} → ${heads[1]}` : '';
  const shown = words || (heads[0] ? `recording ${heads[0]}` : '');
  if (state === 'failed') return `:warning: ${shown === '' ? 'recording' : shown}, not sealed`;
  if (shown === '' || state === null || state === 'live' || state === 'closed') return shown;
  return `${shown}, ${state}`;
}

function totals(ended: readonly Ended[]): string {
  const channels = ended.flatMap((session) => session.ended.channels);
  return `In all: ${count(ended.length, 'ended session')} · ${traffic(channels)} · ${coverageLine(channels)}. The last ${ENDED_MAX}:`;
}

const sum = (channels: readonly ChannelSummary[], pick: (channel: ChannelSummary) => number): number =>
  channels.reduce((all, channel) => all + pick(channel), 0);

const traffic = (channels: readonly ChannelSummary[]): string =>
  `${bytes(sum(channels, (each) => each.bytesFromClient))} to the target, ${bytes(sum(channels, (each) => each.bytesToClient))} back`;

function exits(channels: readonly ChannelSummary[]): string {
  const seen = [...new Set(channels.map((channel) => exitOf(channel)).filter((exit) => exit !== ''))];
  return seen.slice(0, 5).join(', ');
}

function exitOf({ exit }: ChannelSummary): string {
  if (exit === null) return '';
  if (exit.kind === 'status') return `exit ${exit.code}`;
  // The target names the signal; what is not shaped like one (RFC 4254 §6.10) is not repeated.
  return /^[A-Z0-9]{1,12}$/.test(exit.name) ? `signal ${exit.name}` : 'an unknown signal';
}

function howItEnded(ending: SessionEnding): string {
  switch (ending.how) {
    case 'closed':
      return 'Session ended';
    case 'interrupted':
      return ':warning: Session interrupted';
    case 'terminated':
      return `Session terminated (${TERMINATED[ending.why]})`;
    case 'failed':
      return `:warning: Session failed (${FAILED[ending.why]})`;
    default:
      return ending satisfies never;
  }
}

const TERMINATED: Readonly<Record<Extract<SessionEnding, { how: 'terminated' }>['why'], string>> = {
  revoked: 'access revoked',
  returned: 'access handed back',
  expired: 'access ran out',
  ended_by_reviewer: 'ended from Slack or by an operator',
  deactivated: 'account deactivated',
  shutdown: 'gateway stopped',
};

const FAILED: Readonly<Record<Extract<SessionEnding, { how: 'failed' }>['why'], string>> = {
  target_unreachable: 'target not reachable',
  host_key_mismatch: 'target showed another host key',
  target_refused: 'target refused the login',
  recording_failed: 'it could not be recorded',
  protocol: 'protocol violation',
  login_abandoned: 'client went away while logging in',
};

function terminateButtons(live: readonly Session[]): Block[] {
  if (live.length === 0) return [];
  const buttons = live.slice(0, BUTTONS_MAX).map((session) =>
    button({
      action: `${ACTION.endSession}:${session.id}`,
      label: live.length === 1 ? 'Terminate session' : `Terminate ${short(session.id)}`,
      value: session.id,
      style: 'danger',
      confirm: {
        title: 'Terminate this session?',
        text: 'Both ends of the connection are cut at once. The grant stays: the person can connect again until it ends.',
        yes: 'Terminate',
      },
    }),
  );
  return [actions('live_sessions', buttons)];
}

/** What only security reads: commands, client address, digests of what was delivered. */
export function sessionDetail(view: SessionsView): { text: string; blocks: Block[] } {
  const { sessions, names, engagement, grant } = view;
  const [session] = sessions;
  if (!session) return { text: 'Session', blocks: [section('No such session')] };
  const { ended } = session;
  const seconds = ended ? (ended.at.getTime() - session.startedAt.getTime()) / 1000 : 0;
  const head: Block[] = [
    section(
      [
        `${ended ? howItEnded(ended.ending) : 'Session'}: ${nameOf(names, session.personId)} on ${code(`${session.login}@${session.targetId}`, 110)}`,
        `Engagement ${escapeText(engagement.name, 80)} · session ${code(session.id, 40)}`,
        `From ${code(session.clientAddress, 60)} by ${session.via === 'jump' ? 'ProxyJump' : 'direct login'}, key ${code(session.keyFingerprint, 70)}`,
        `${when(session.startedAt)}, ${duration(seconds)} · grant ${code(short(grant.id), 12)}, digest ${code(session.grantDigest, 70)}`,
        recordingHeads(session, HEAD_LENGTH),
      ]
        .filter((line) => line !== '')
        .join('\n'),
    ),
  ];
  const refusals = (ended?.refusals ?? [])
    .slice(0, REFUSALS_MAX)
    .map((refusal) => `:no_entry_sign: ${code(refusal, 300)}`);
  const moreRefusals = (ended?.refusals.length ?? 0) - refusals.length;
  if (moreRefusals > 0) refusals.push(`and ${count(moreRefusals, 'more refusal')}; the manifest has them`);
  const tail = sections(refusals);
  const room = LIMITS.messageText - textLength(head) - textLength(tail) - 200;
  return {
    text: `Session details: ${escapeText(names.get(session.personId) ?? 'somebody', 80)} on ${session.targetId}`,
    blocks: [...head, ...sections(channelLines(ended?.channels ?? [], room)), ...tail],
  };
}

function channelLines(channels: readonly ChannelSummary[], room: number): string[] {
  const lines: string[] = [];
  let left = room;
  for (const [index, channel] of channels.entries()) {
    const line = channelLine(channel);
    left -= line.length + 1;
    if (left < 0) {
      lines.push(`and ${count(channels.length - index, 'more channel')}; the recording’s manifest has them all`);
      break;
    }
    lines.push(line);
  }
  return lines;
}

function channelLine(channel: ChannelSummary): string {
  const what = channel.command === null ? channel.kind : `${channel.kind} ${code(channel.command, COMMAND_MAX)}`;
  const exit = exitOf(channel);
  return [
    `*${channel.id}* ${what}${channel.pty ? ' with a terminal' : ''}${exit === '' ? '' : ` · ${exit}`}`,
    accountOf(channel),
    `in ${bytes(channel.bytesFromClient)} ${code(channel.stdinSha256.slice(0, 16), 20)}`,
    `out ${bytes(channel.bytesToClient)} ${code(channel.stdoutSha256.slice(0, 16), 20)} ${code(channel.stderrSha256.slice(0, 16), 20)}`,
  ]
    .filter((part) => part !== '')
    .join(' · ');
}
