import type { PersonId } from '../../access/ids.ts';
import type { RegisteredKey } from '../../access/person.ts';
import type { GoneWhy, Notice } from '../../use-cases/notice.ts';
import { type Block, context, section } from '../words/blocks.ts';
import { type Line, line, listed, mono, own, strong, tag, toNotification, value } from '../words/line.ts';
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
      ? own('They had no access at the time.')
      : own(`${count(grants, 'grant')} revoked, ${count(sessions, 'live session')} ended.`);
  return told(
    line`:bust_in_silhouette: ${strong(name, NAME_MAX)} ${own(WHAT[why])}${where}. ${ended}`,
    line`You do not have to do anything. People who come back need to request access again.`,
  );
}

/** To security's channel: a reviewer has another key. Whoever holds their Slack could have registered it. */
export const reviewerKeyMessage = ({ fingerprint, registeredAt }: RegisteredKey, name: string): Message =>
  told(
    line`:key: ${strong(name, NAME_MAX)}, who reviews requests, registered a new key, ${tag(fingerprint)}, ${registeredAt}`,
    line`From a day later on it can sign reviews. If you cannot confirm with them, in another way than Slack, that it is theirs, retire it: \`/access keys\` or \`daypass keys retire\`.`,
  );

/** To security's channel: Slack has not confirmed these people for too long, so they cannot log in. */
export function peopleInDoubtMessage(notice: Of<'people_in_doubt'>, names: ReadonlyMap<PersonId, string>): Message {
  const { personIds, count: all, sessions, doubtSeconds } = notice;
  const shown = personIds.map((id) => value(names.get(id) ?? 'somebody', NAME_MAX));
  const rest = all - shown.length;
  const who = line`${listed(shown)}${rest > 0 ? line` (${rest} more)` : []}`;
  const people = own(all === 1 ? '1 person' : `${all} people`);
  return told(
    line`:warning: *Access is paused for ${people}*: ${who}. Slack has not confirmed their accounts for ${own(duration(doubtSeconds))}. ${own(count(sessions, 'live session'))} ended.`,
    line`They can log in again once Slack responds. Slack’s answers are in Daypass’s log.`,
  );
}

type Names = readonly string[];

const engagementsIn = (names: Names, all: number): Line => {
  const rest = all - names.length;
  return line`${listed(names.map((name) => strong(name, NAME_MAX)))}${rest > 0 ? line` (${rest} more)` : []}`;
};

const ENGAGEMENTS = { one: 'this engagement', more: 'these engagements' } as const;
const which = (all: number): string => (all === 1 ? ENGAGEMENTS.one : ENGAGEMENTS.more);

/** What to do about each of Slack's codes. */
const WHAT_TO_DO: Readonly<Record<string, string>> = {
  is_archived: 'The channel was archived. Unarchive it, or open a new engagement in another channel.',
  [TOO_MANY_MEMBERS]: 'The channel has more members than Daypass can read. Open a new engagement in a smaller channel.',
  missing_scope: 'The app is missing a permission. Reinstall it with the manifest of this version.',
};
const INVITE =
  'Daypass was removed from the channel, or the channel was deleted or made private. Invite Daypass to it again (/invite), or open a new engagement in another channel.';

/** To security's channel: Slack no longer shows who is in a channel. */
export function channelRefusedMessage(notice: Of<'channel_refused'>, names: Names): Message {
  const { error, count: all, restsAt } = notice;
  return told(
    line`:warning: *Slack no longer shows who is in the channel of* ${engagementsIn(names, all)} (${mono(error, 60)}). Until it does, people who leave the channel keep their access. ${own(`Access in ${which(all)} will be paused from`)} ${new Date(restsAt)}.`,
    own((Object.hasOwn(WHAT_TO_DO, error) ? WHAT_TO_DO[error] : undefined) ?? INVITE),
  );
}

/** To security's channel: nobody knows who is in these channels, so access is paused. */
export function channelsInDoubtMessage(notice: Of<'channels_in_doubt'>, names: Names): Message {
  const { count: all, sessions, doubtSeconds } = notice;
  const engagements = own(all === 1 ? '1 engagement' : `${all} engagements`);
  return told(
    line`:warning: *Access is paused in ${engagements}*: ${engagementsIn(names, all)}. Slack has not shown who is in the channel for ${own(duration(doubtSeconds))}. ${own(count(sessions, 'live session'))} ended.`,
    line`Access resumes once Slack responds. If Daypass is no longer in the channel, invite it again. Slack’s answers are in Daypass’s log.`,
  );
}

/** To security's channel: it is known again. */
export const channelReadAgainMessage = ({ count: all }: Of<'channel_read_again'>, names: Names): Message =>
  told(
    line`:white_check_mark: Slack shows who is in the channel of ${engagementsIn(names, all)} again. ${own(`Access in ${which(all)} continues.`)}`,
    line`People who left in the meantime have lost their access.`,
  );
