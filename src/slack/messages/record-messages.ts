import type { Notice } from '../../use-cases/notice.ts';
import { type Block, context, section } from '../words/blocks.ts';
import { type Line, line, mono, own, toNotification } from '../words/line.ts';

type Of<Kind extends Notice['kind']> = Extract<Notice, { kind: Kind }>;
type Message = { readonly text: string; readonly blocks: Block[] };

const ID_MAX = 100;

/** What the records are to those who read of them, and what follows from not believing one. */
const RECORDS: Readonly<Record<string, { readonly name: string; readonly hence: string }>> = {
  account: {
    name: 'who a Slack account belongs to',
    hence: 'Whoever it is, they can do nothing until it is put right.',
  },
  key: { name: 'a registered SSH key', hence: 'The key opens nothing.' },
  code: { name: 'a registration code', hence: 'The code registers nothing.' },
  engagement: { name: 'an engagement', hence: 'Nobody gets in through it.' },
  request: { name: 'an access request', hence: 'It cannot be approved.' },
  review: { name: 'a review of a request', hence: 'The review does not count.' },
  grant: { name: 'a grant', hence: 'It lets nobody in.' },
  session: { name: 'a live session', hence: 'The session was ended.' },
  head: { name: 'the number of the last change', hence: 'All access is suspended.' },
};
const OTHER = { name: 'a record', hence: 'It counts for nothing.' };

/** To security's channel: somebody wrote to the database beside Daypass. */
export function recordChangedMessage({ what, id, isLast }: Of<'record_changed'>): Message {
  const { name, hence } = (Object.hasOwn(RECORDS, what) ? RECORDS[what] : undefined) ?? OTHER;
  const more = isLast ? [line`More records like it are only in the audit log from now on.`] : [];
  return told(
    line`:rotating_light: *Somebody changed ${own(name)} in the database, and it was not Daypass.* ${own(hence)}`,
    line`${mono(id, ID_MAX)}. Find out who can write to the database. The record counts for nothing until it is as it was; the audit log has \`seal_broken\`.`,
    ...more,
  );
}

const WHY: Readonly<Record<string, string>> = {
  older_database: 'The database is older than the last change that Daypass made to it, as after a restore.',
  older_file: 'Daypass’s own file of decisions is older than its database.',
  no_file: 'Daypass’s own file of decisions is missing.',
  copied_file: 'Daypass’s own file of decisions is a copy.',
  head_changed: 'The number of the last change was changed by somebody else.',
};

/** To security's channel: nobody gets in. */
export function grantsSuspendedMessage({ why }: Of<'grants_suspended'>): Message {
  const reason = Object.hasOwn(WHY, why) ? (WHY[why] ?? '') : '';
  return told(
    line`:no_entry: *All access is suspended.* ${own(reason)} Grants that were revoked since could count again.`,
    line`An operator looks at \`daypass grants list\`, revokes what should not be there, and then runs \`daypass grants confirm\`.`,
  );
}

const told = (said: Line, ...small: readonly Line[]): Message => ({
  text: toNotification(said),
  blocks: [section(said), context(...small)],
});
