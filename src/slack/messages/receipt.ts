import type { Scope } from '../../access/scopes/scope.ts';
import type { ChannelSummary } from '../../access/session.ts';
import type { SessionsView } from '../../use-cases/views/views.ts';
import { actions, type Block, context, section } from '../words/blocks.ts';
import { detailsButton } from '../words/buttons.ts';
import { type Line, line, listed, mono, own, toNotification } from '../words/line.ts';
import { after, count } from '../words/units.ts';
import { type Ended, howItEnded, isEnded, lasted, several, traffic, whatItWas } from './session-messages.ts';

type Message = { readonly text: string; readonly blocks: Block[] };

const SHOWN_MAX = 10;

/**
 * To the contractor, of their own sessions: one message for a burst, which changes as sessions end. `retention` is how long recordings
 * are kept. Null where no session has ended that reached its target: the terminal said why.
 */
export function sessionReceipt({ sessions, grant, names }: SessionsView, retention: string | null): Message | null {
  const ended = sessions.filter(isEnded).filter(reachedTarget);
  const [first, ...others] = ended;
  if (!first) return null;
  const live = sessions.filter((session) => !isEnded(session)).length;
  const isOne = others.length === 0 && live === 0;
  const on = mono(`${first.login}@${first.targetId}`, 110);
  const open = live === 0 ? [] : line`, ${own(live === 1 ? 'another is still open' : `${live} are still open`)}`;
  const said = isOne
    ? line`:receipt: *Your session on ${on}* lasted ${own(lasted(first))}, from ${first.startedAt}`
    : line`:receipt: *${own(count(ended.length, 'session'))} of yours on ${on}* ended${open}, since ${first.startedAt}`;
  const { ending } = first.ended;
  const channels = ended.flatMap((session) => session.ended.channels);
  return {
    text: toNotification(said),
    blocks: [
      section(said, ...(isOne && ending.how !== 'closed' ? [howItEnded(ending, names)] : [])),
      ...(isOne ? [section(whatItWas(first))] : several(ended, ended.slice(-SHOWN_MAX), names)),
      context(
        own(traffic(channels)),
        recorded(ended, channels, grant.terms.scope, retention),
        line`Only people with security’s key can open recordings. Ask in the engagement’s thread to see yours, or if this was not you.`,
      ),
      actions('receipt', [detailsButton('sessions', first.id)]),
    ],
  };
}

const reachedTarget = ({ ended, recording }: Ended): boolean =>
  ended.ending.how !== 'failed' || recording.headAtStart !== null;

function recorded(
  ended: readonly Ended[],
  channels: readonly ChannelSummary[],
  scope: Scope,
  retention: string | null,
): Line {
  const kept = ended.filter(({ recording: { state } }) => state !== null && state !== 'erased');
  const last = kept.at(-1);
  if (!last) return line`No recording is kept.`;
  const parts = RECORDED.filter(({ isIn }) => channels.some((channel) => isIn(channel, scope)));
  const what = parts.length === 0 ? own('that you were connected') : listed(parts.map(({ words }) => own(words)));
  const until = retention === null ? own('an operator erases it') : line`${after(last.ended.at, retention)}`;
  return line`Recorded: ${what}. Kept until ${until}.`;
}

const isProgram = ({ kind, files, label }: ChannelSummary): boolean =>
  kind !== 'tunnel' && (files === null || label.includes(' then '));

/** What a recording has of a channel, in words for the person who is in it. */
const RECORDED: readonly {
  readonly words: string;
  readonly isIn: (channel: ChannelSummary, scope: Scope) => boolean;
}[] = [
  { words: 'what your terminal showed', isIn: (channel) => channel.pty && isProgram(channel) },
  {
    words: 'what you typed',
    isIn: (channel, { record_input }) => record_input === true && channel.pty && isProgram(channel),
  },
  { words: 'input and output of commands', isIn: (channel) => !channel.pty && isProgram(channel) },
  { words: 'which files you moved, without their content', isIn: ({ files }) => files !== null },
  { words: 'where tunnels went, without their content', isIn: ({ kind }) => kind === 'tunnel' },
];
