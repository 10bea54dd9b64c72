import { EngagementId, PersonId } from '../access/ids.ts';
import type { Engagements } from '../use-cases/ports/engagements.ts';
import { writeClosed, writeOffboarded, writeReadmitted } from './engagement-ends.ts';
import { changeEngagement, find, insertEngagement, load, sealEngagement } from './engagement-rows.ts';
import { instant, json, Timestamp, text } from './rows.ts';
import type { Sealing } from './sealing.ts';
import type { Trx } from './tables.ts';

export const engagements = (trx: Trx, sealing: Sealing): Engagements => ({
  byId: async (id) => (await find(trx, sealing, [id]))[0] ?? null,
  byIds: (ids) => find(trx, sealing, ids),
  async lock(id) {
    await trx.selectFrom('engagement').select('id').where('id', '=', id).forNoKeyUpdate().execute();
    return (await find(trx, sealing, [id]))[0] ?? null;
  },
  insert: (engagement) => insertEngagement(trx, sealing, engagement),
  change: (id, terms, labels) => changeEngagement(trx, sealing, id, terms, labels),
  async ofMember(id) {
    const rows = await trx
      .selectFrom('engagement_person')
      .select('engagement_id')
      .where('person_id', '=', id)
      .where('role', '=', 'member')
      .execute();
    return find(
      trx,
      sealing,
      rows.map((row) => row.engagement_id),
    );
  },
  all: () => find(trx, sealing, null),
  async inChannel(channelId) {
    const rows = await trx.selectFrom('engagement').select('id').where('channel_id', '=', text(channelId)).execute();
    return find(
      trx,
      sealing,
      rows.map((row) => row.id),
    );
  },
  async confirm(id, { by, at, labels }) {
    if ((await find(trx, sealing, [id])).length === 0) return false;
    const confirmed = await trx
      .updateTable('engagement')
      .set({ confirmed_at: instant(at), confirmed_by: by, labels: json(labels.map(text)) })
      .where('id', '=', id)
      .where('confirmed_at', 'is', null)
      .returning('id')
      .execute();
    if (confirmed.length === 1) await sealEngagement(trx, sealing, id);
    return confirmed.length === 1;
  },
  async close(id, closed) {
    const [engagement] = await load(trx, [id]);
    if (engagement) await writeClosed(trx, sealing, engagement.engagement, closed);
    await sealEngagement(trx, sealing, id);
  },
  async unclosed() {
    const open = trx.selectFrom('engagement').select('id').where('closed_at', 'is', null);
    const rows = await open.where('ended_before', '=', false).execute();
    return find(
      trx,
      sealing,
      rows.map((row) => row.id),
    );
  },
  async offboard(id, person, at) {
    await writeOffboarded(trx, sealing, id, person, at);
    await sealEngagement(trx, sealing, id);
  },
  async readmit(id, person, at) {
    await writeReadmitted(trx, sealing, id, person, at);
    await sealEngagement(trx, sealing, id);
  },
  async askToConfirm(id, people) {
    if (people.length === 0) return;
    const rows = people.map((person_id) => ({ engagement_id: id, person_id }));
    await trx.insertInto('engagement_confirmer').values(rows).execute();
  },
  async confirmers(id) {
    const rows = await trx
      .selectFrom('engagement_confirmer')
      .select('person_id')
      .where('engagement_id', '=', id)
      .orderBy('person_id')
      .execute();
    return rows.map((row) => PersonId.parse(row.person_id));
  },
  channelRead: (id, at, now) => readChannel(trx, id, at, now),
  async channelRefused(ids, error) {
    if (ids.length === 0) return false;
    const told = await trx
      .selectFrom('engagement')
      .select('id')
      .where('id', 'in', ids)
      .where('channel_refused', 'is not', null)
      .executeTakeFirst();
    const refused = { channel_refused: text(error) };
    await trx.updateTable('engagement').set(refused).where('id', 'in', ids).execute();
    return told === undefined;
  },
  async toldOfUnread(ids, at) {
    if (ids.length === 0) return [];
    const rows = await trx
      .updateTable('engagement')
      .set({ channel_told_at: instant(at) })
      .where('id', 'in', ids)
      .where('channel_told_at', 'is', null)
      .returning('id')
      .execute();
    return rows.map((row) => EngagementId.parse(row.id));
  },
  seenIn: (id, people, at) => markMembers(trx, id, people, { seen_at: instant(at), left_at: null }),
  leftFrom: (id, people, at) => markMembers(trx, id, people, { left_at: instant(at) }),
  async everSeenIn(id) {
    const rows = await trx
      .selectFrom('engagement_person')
      .select('person_id')
      .where('engagement_id', '=', id)
      .where('role', '=', 'member')
      .where('seen_at', 'is not', null)
      .execute();
    return rows.map((row) => PersonId.parse(row.person_id));
  },
});

/** Two readings at a time wait for each other at the row, and the one that was asked for later stays. */
async function readChannel(
  trx: Trx,
  id: EngagementId,
  at: Date,
  now: Date,
): Promise<Awaited<ReturnType<Engagements['channelRead']>>> {
  const row = await trx
    .selectFrom('engagement')
    .select(['channel_read_at', 'channel_refused', 'channel_told_at'])
    .where('id', '=', id)
    .forNoKeyUpdate()
    .executeTakeFirstOrThrow();
  const before = Timestamp.parse(row.channel_read_at);
  if (before > at && before <= now) return 'outdated';
  await trx
    .updateTable('engagement')
    .set({ channel_read_at: instant(at), channel_refused: null, channel_told_at: null })
    .where('id', '=', id)
    .execute();
  return row.channel_refused !== null || row.channel_told_at !== null ? 'read_again' : 'read';
}

async function markMembers(
  trx: Trx,
  id: EngagementId,
  people: readonly PersonId[],
  marks: { readonly seen_at?: string; readonly left_at: string | null },
): Promise<void> {
  if (people.length === 0) return;
  await trx
    .updateTable('engagement_person')
    .set(marks)
    .where('engagement_id', '=', id)
    .where('role', '=', 'member')
    .where('person_id', 'in', people)
    .execute();
}

/** Their thread goes on in another channel. One whose seal is broken stays as it is. */
export async function moveEngagements(trx: Trx, sealing: Sealing, from: string, to: string): Promise<void> {
  const rows = await trx.selectFrom('engagement').select('id').where('channel_id', '=', text(from)).execute();
  const believed = await find(
    trx,
    sealing,
    rows.map((row) => row.id),
  );
  for (const { id } of believed) {
    await trx
      .updateTable('engagement')
      .set({ channel_id: text(to) })
      .where('id', '=', id)
      .execute();
    await sealEngagement(trx, sealing, id);
  }
}
