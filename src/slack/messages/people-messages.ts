import type { PersonId } from '../../access/ids.ts';
import type { GoneWhy, Notice } from '../../use-cases/notice.ts';
import { type Block, context, section } from '../words/blocks.ts';
import { type Line, line, listed, mono, own, strong, toNotification, value } from '../words/line.ts';
import { count, duration } from '../words/units.ts';
import { TOO_MANY_MEMBERS } from '../workspace/directory.ts';

type Of<Kind extends Notice['kind']> = Extract<Notice, { kind: Kind }>;
type Message = { readonly text: string; readonly blocks: Block[] };

const NAME_MAX = 80;

const WHAT: Readonly<Record<GoneWhy, string>> = {
  deactivated: 'was deactivated in Slack',
  unseen: 'is no longer visible in Slack',
  left_channel: 'left the channel',
};

const told = (said: Line, small: Line): Message => ({
  text: toNotification(said),
  blocks: [section(said), context(small)],
});

/** To security's channel: who is gone, why, and what ended with it. */
export function personGoneMessage(notice: Of<'person_gone'>, name: string, engagement: string | null): Message {
  const { why, grants, sessions } = notice;
  const where = engagement === null ? [] : line` of ${strong(engagement, NAME_MAX)}`;
  const ended =
    grants === 0
      ? own('There was no live access.')
      : own(`${count(grants, 'grant')} revoked, ${count(sessions, 'live session')} ended.`);
  return told(
    line`:bust_in_silhouette: ${strong(name, NAME_MAX)} ${own(WHAT[why])}${where}. ${ended}`,
    line`Nothing has to be done. Whoever comes back requests access again.`,
  );
}

/** To security's channel: Slack has said nothing of these people for too long, so that they cannot log in. */
export function peopleInDoubtMessage(notice: Of<'people_in_doubt'>, names: ReadonlyMap<PersonId, string>): Message {
  const { personIds, count: all, sessions, doubtSeconds } = notice;
  const shown = personIds.map((id) => value(names.get(id) ?? 'somebody', NAME_MAX));
  const rest = all - shown.length;
  const who = line`${listed(shown)}${rest > 0 ? line` (${rest} more)` : []}`;
  const people = own(all === 1 ? '1 person' : `${all} people`);
  return told(
    line`:warning: *Access is paused for ${people}*: ${who}. Slack has not confirmed their accounts for ${own(duration(doubtSeconds))}. ${own(count(sessions, 'live session'))} ended.`,
    line`They can log in again once Slack answers. Daypass’s log has what Slack said.`,
  );
}

type Names = readonly string[];

const engagementsIn = (names: Names, all: number): Line => {
  const rest = all - names.length;
  return line`${listed(names.map((name) => strong(name, NAME_MAX)))}${rest > 0 ? line` (${rest} more)` : []}`;
};

const ENGAGEMENTS = { one: 'this engagement', more: 'these engagements' } as const;
const which = (all: number): string => (all === 1 ? ENGAGEMENTS.one : ENGAGEMENTS.more);

/** What each of Slack's codes means for who has to do something. */
const WHAT_TO_DO: Readonly<Record<string, string>> = {
  is_archived: 'The channel was archived. Unarchive it, or open a new engagement in another channel.',
  [TOO_MANY_MEMBERS]: 'The channel has more members than Daypass reads. Open a new engagement in a smaller channel.',
  missing_scope: 'The app lacks a permission. Install it again with the manifest of this version.',
};
const INVITE =
  'Daypass was removed from the channel, or the channel was deleted or made private. Invite Daypass to it again (/invite), or open a new engagement in another channel.';

/** To security's channel: Slack does not show who is in a channel any more. */
export function channelRefusedMessage(notice: Of<'channel_refused'>, names: Names): Message {
  const { error, count: all, restsAt } = notice;
  return told(
    line`:warning: *Slack does not show who is in the channel of* ${engagementsIn(names, all)} (${mono(error, 60)}). Whoever leaves it keeps access until it is read again. ${own(`Access in ${which(all)} is paused from`)} ${new Date(restsAt)} on.`,
    own((Object.hasOwn(WHAT_TO_DO, error) ? WHAT_TO_DO[error] : undefined) ?? INVITE),
  );
}

/** To security's channel: nobody knows who is in these channels, so access rests. */
export function channelsInDoubtMessage(notice: Of<'channels_in_doubt'>, names: Names): Message {
  const { count: all, sessions, doubtSeconds } = notice;
  const engagements = own(all === 1 ? '1 engagement' : `${all} engagements`);
  return told(
    line`:warning: *Access is paused in ${engagements}*: ${engagementsIn(names, all)}. Slack has not said who is in the channel for ${own(duration(doubtSeconds))}. ${own(count(sessions, 'live session'))} ended.`,
    line`Access goes on once Slack answers. Where Daypass is no longer in the channel, invite it again. Daypass’s log has what Slack said.`,
  );
}

/** To security's channel: it is known again. */
export const channelReadAgainMessage = ({ count: all }: Of<'channel_read_again'>, names: Names): Message =>
  told(
    line`:white_check_mark: Slack shows again who is in the channel of ${engagementsIn(names, all)}. ${own(`Access in ${which(all)} goes on.`)}`,
    line`Whoever left meanwhile has lost their access.`,
  );
