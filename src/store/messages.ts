import type { Messages } from '../use-cases/ports.ts';
import { text } from './rows.ts';
import type { Trx } from './tables.ts';

export const messages = (trx: Trx): Messages => ({
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
});
