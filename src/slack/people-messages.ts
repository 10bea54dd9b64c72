import type { PersonId } from '../access/ids.ts';
import type { GoneWhy, Notice } from '../use-cases/notice.ts';
import { type Block, context, section } from './blocks.ts';
import { type Line, line, listed, own, strong, toNotification, value } from './line.ts';
import { count, duration } from './words.ts';

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
