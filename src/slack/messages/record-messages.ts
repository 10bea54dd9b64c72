import type { Notice } from '../../use-cases/notice.ts';
import { type Block, context, section } from '../words/blocks.ts';
import { type Line, line, mono, own, toNotification } from '../words/line.ts';

type Of<Kind extends Notice['kind']> = Extract<Notice, { kind: Kind }>;
type Message = { readonly text: string; readonly blocks: Block[] };

const ID_MAX = 100;

/** What readers call each record, and what follows when one is not believed. */
const RECORDS: Readonly<Record<string, { readonly name: string; readonly hence: string }>> = {
  account: {
    name: 'who a Slack account belongs to',
    hence: 'That person can do nothing until it is corrected.',
  },
  key: { name: 'a registered SSH key', hence: 'The key gives no access.' },
  code: { name: 'a registration code', hence: 'The code cannot register a key.' },
  engagement: { name: 'an engagement', hence: 'It gives nobody access.' },
  request: { name: 'an access request', hence: 'It cannot be approved.' },
  offboarding: { name: 'the record of an offboarding', hence: 'It is no evidence.' },
  person: { name: 'whether somebody is offboarded', hence: 'They can do nothing until it is corrected.' },
  review: { name: 'a review of a request', hence: 'The review does not count.' },
  comment: { name: 'a comment on a request', hence: 'It is not shown.' },
  grant: { name: 'a grant', hence: 'It gives nobody access.' },
  session: { name: 'a live session', hence: 'The session was ended.' },
  head: { name: 'the number of the last change', hence: 'All access is paused.' },
};
const OTHER = { name: 'a record', hence: 'Daypass ignores it.' };

/** To security's channel: something other than Daypass wrote to the database. */
export function recordChangedMessage({ what, id, isLast }: Of<'record_changed'>): Message {
  const { name, hence } = (Object.hasOwn(RECORDS, what) ? RECORDS[what] : undefined) ?? OTHER;
  const more = isLast ? [line`From now on, more records like it are reported only in the audit log.`] : [];
  return told(
    line`:rotating_light: *Something other than Daypass changed ${own(name)} in the database.* ${own(hence)}`,
    line`${mono(id, ID_MAX)}. Find out who can write to the database. Daypass ignores the record until it is changed back. The audit event is \`seal_broken\`.`,
    ...more,
  );
}

const WHY: Readonly<Record<string, string>> = {
  older_database: 'The database is older than Daypass’s last change to it, as it would be after a restore.',
  older_file: 'Daypass’s `decisions.jsonl` is older than its database.',
  no_file: 'Daypass’s `decisions.jsonl` is missing.',
  copied_file: 'Daypass’s `decisions.jsonl` is a copy.',
  head_changed: 'Something other than Daypass changed the number of the last change.',
};

/** To security's channel: nobody gets in. */
export function grantsSuspendedMessage({ why }: Of<'grants_suspended'>): Message {
  const reason = Object.hasOwn(WHY, why) ? (WHY[why] ?? '') : '';
  return told(
    line`:no_entry: *All access is paused.* ${own(reason)} Grants that were revoked since then could become valid again.`,
    line`An operator needs to check \`daypass grants list\`, revoke what should not be there, and then run \`daypass grants confirm\`.`,
  );
}

const told = (said: Line, ...small: readonly Line[]): Message => ({
  text: toNotification(said),
  blocks: [section(said), context(...small)],
});
