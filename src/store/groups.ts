import { sql } from 'kysely';
import { z } from 'zod';
import type { Groups } from '../use-cases/ports/groups.ts';
import { instant, read, Timestamp, text } from './rows.ts';
import type { Trx } from './tables.ts';

const MemberRow = z.object({ group_id: z.string(), since: Timestamp });

export const groups = (trx: Trx): Groups => ({
  async save(groupId, userIds, at, firstSince) {
    const known = await trx
      .insertInto('slack_group')
      .values({ group_id: text(groupId), read_at: instant(at) })
      .onConflict((conflict) => conflict.column('group_id').doUpdateSet({ read_at: instant(at) }))
      .returning(sql<boolean>`(xmax <> 0)`.as('was_there'))
      .executeTakeFirstOrThrow();
    const since = known.was_there ? at : firstSince;
    const users = [...new Set(userIds.map(text))];
    let gone = trx.deleteFrom('slack_group_member').where('group_id', '=', text(groupId));
    if (users.length > 0) gone = gone.where('user_id', 'not in', users);
    await gone.execute();
    if (users.length === 0) return;
    await trx
      .insertInto('slack_group_member')
      .values(users.map((user_id) => ({ group_id: text(groupId), user_id, since: instant(since) })))
      .onConflict((conflict) => conflict.columns(['group_id', 'user_id']).doNothing())
      .execute();
  },
  async of(userIds) {
    if (userIds.length === 0) return new Map();
    const rows = await trx
      .selectFrom('slack_group_member')
      .select(['group_id', 'since'])
      .where('user_id', 'in', userIds.map(text))
      .orderBy('since', 'desc')
      .execute();
    return new Map(
      rows.map((row) => read(MemberRow, 'slack_group_member', row)).map((row) => [row.group_id, row.since]),
    );
  },
});
