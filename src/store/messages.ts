import type { Messages } from '../use-cases/ports/messages.ts';
import { moveEngagements } from './engagements.ts';
import { instant, text } from './rows.ts';
import type { Sealing } from './sealing.ts';
import type { Trx } from './tables.ts';

export const messages = (trx: Trx, sealing: Sealing): Messages => ({
  async put({ key, channelId, ts }) {
    const where = { channel_id: text(channelId), ts: text(ts) };
    await trx
      .insertInto('message')
      .values({ key, ...where })
      .onConflict((conflict) => conflict.column('key').doUpdateSet(where))
      .execute();
  },
  async get(key) {
    const row = await trx.selectFrom('message').selectAll().where('key', '=', key).executeTakeFirst();
    return row ? { key: row.key, channelId: row.channel_id, ts: row.ts } : null;
  },
  async forget(key) {
    await trx.deleteFrom('message').where('key', '=', key).execute();
  },
  async moveChannel(oldId, newId, at) {
    const moved = { new_id: text(newId), at: instant(at) };
    await trx.deleteFrom('channel_move').where('old_id', '=', newId).execute();
    await trx
      .insertInto('channel_move')
      .values({ old_id: text(oldId), ...moved })
      .onConflict((conflict) => conflict.column('old_id').doUpdateSet(moved))
      .execute();
    // Whoever was moved to the old id goes on to the new one: one step leads from any id to today's.
    await trx.updateTable('channel_move').set(moved).where('new_id', '=', oldId).execute();
    const where = { channel_id: text(newId) };
    await trx.updateTable('message').set(where).where('channel_id', '=', oldId).execute();
    await moveEngagements(trx, sealing, oldId, newId);
  },
  async channelNow(id) {
    const row = await trx.selectFrom('channel_move').select('new_id').where('old_id', '=', id).executeTakeFirst();
    return row?.new_id ?? id;
  },
});
