import { z } from 'zod';
import { PersonId } from '../access/ids.ts';
import type { Person } from '../access/person.ts';
import type { Persons } from '../use-cases/ports.ts';
import { changedOne, instant, instantOrNull, read, Timestamp, text } from './rows.ts';
import type { Trx } from './tables.ts';

const NAME_ERASED = '(name erased)';

const PersonRow = z.object({
  id: PersonId,
  standing: z.enum(['member', 'guest', 'external']),
  active: z.boolean(),
  confirmed_at: Timestamp,
  unseen_since: Timestamp.nullable(),
});
const AccountRow = z.object({
  person_id: PersonId,
  team_id: z.string(),
  user_id: z.string(),
  enterprise_id: z.string().nullable(),
});

export function persons(trx: Trx): Persons {
  const byIds = (ids: readonly PersonId[]) => findPersons(trx, ids);
  return {
    byId: async (id) => (await byIds([id]))[0] ?? null,
    byIds,
    async byAccount(teamId, userId) {
      const found = await trx
        .selectFrom('slack_account')
        .select('person_id')
        .where('team_id', '=', text(teamId))
        .where('user_id', '=', text(userId))
        .executeTakeFirst();
      if (!found) return null;
      return (await byIds([PersonId.parse(found.person_id)]))[0] ?? null;
    },
    async byUserId(userId) {
      const rows = await trx
        .selectFrom('slack_account')
        .select('person_id')
        .where('user_id', '=', text(userId))
        .execute();
      return byIds(rows.map((row) => PersonId.parse(row.person_id)));
    },
    async lock(id) {
      await trx.selectFrom('person').select('id').where('id', '=', id).forUpdate().execute();
      return (await byIds([id]))[0] ?? null;
    },
    insert: (person, name) => insertPerson(trx, person, name),
    async update(id, { standing, active, confirmedAt, unseenSince }) {
      const seen = { confirmed_at: instant(confirmedAt), unseen_since: instantOrNull(unseenSince) };
      const result = await trx
        .updateTable('person')
        .set({ standing, active, ...seen, ...(unseenSince === null ? { doubt_told_at: null } : {}) })
        .where('id', '=', id)
        .executeTakeFirstOrThrow();
      changedOne(result, 'person');
    },
    name: async (id) => (await findNames(trx, [id])).get(id) ?? NAME_ERASED,
    names: (ids) => findNames(trx, ids),
    async rename(id, name) {
      await trx
        .insertInto('person_name')
        .values({ person_id: id, name: text(name) })
        .onConflict((conflict) => conflict.column('person_id').doUpdateSet({ name: text(name) }))
        .execute();
    },
    async toldOfDoubt(ids, at) {
      if (ids.length === 0) return [];
      const rows = await trx
        .updateTable('person')
        .set({ doubt_told_at: instant(at) })
        .where('id', 'in', ids)
        .where('doubt_told_at', 'is', null)
        .returning('id')
        .execute();
      return rows.map((row) => PersonId.parse(row.id));
    },
    all: () => findPersons(trx, null),
  };
}

async function findPersons(trx: Trx, ids: readonly PersonId[] | null): Promise<readonly Person[]> {
  if (ids?.length === 0) return [];
  let select = trx.selectFrom('person').selectAll().orderBy('id');
  let selectAccounts = trx.selectFrom('slack_account').selectAll().orderBy('ordinal');
  if (ids) {
    select = select.where('id', 'in', ids);
    selectAccounts = selectAccounts.where('person_id', 'in', ids);
  }
  const rows = (await select.execute()).map((row) => read(PersonRow, 'person', row));
  const accounts = (await selectAccounts.execute()).map((row) => read(AccountRow, 'slack_account', row));
  return rows.map(({ confirmed_at: confirmedAt, unseen_since: unseenSince, ...row }) => ({
    ...row,
    confirmedAt,
    unseenSince,
    accounts: accounts
      .filter((account) => account.person_id === row.id)
      .map(({ team_id, user_id, enterprise_id }) => ({
        teamId: team_id,
        userId: user_id,
        enterpriseId: enterprise_id,
      })),
  }));
}

async function insertPerson(trx: Trx, person: Person, name: string): Promise<boolean> {
  const { id, standing, active, accounts, confirmedAt, unseenSince } = person;
  const seen = { confirmed_at: instant(confirmedAt), unseen_since: instantOrNull(unseenSince) };
  await trx
    .insertInto('person')
    .values({ id, standing, active, ...seen, doubt_told_at: null })
    .execute();
  if (accounts.length > 0) {
    const written = await trx
      .insertInto('slack_account')
      .values(
        accounts.map((account, ordinal) => ({
          team_id: text(account.teamId),
          user_id: text(account.userId),
          enterprise_id: account.enterpriseId,
          person_id: id,
          ordinal,
        })),
      )
      .onConflict((conflict) => conflict.columns(['team_id', 'user_id']).doNothing())
      .returning('user_id')
      .execute();
    if (written.length < accounts.length) {
      await trx.deleteFrom('slack_account').where('person_id', '=', id).execute();
      await trx.deleteFrom('person').where('id', '=', id).execute();
      return false;
    }
  }
  await trx
    .insertInto('person_name')
    .values({ person_id: id, name: text(name) })
    .execute();
  return true;
}

async function findNames(trx: Trx, ids: readonly PersonId[]): Promise<ReadonlyMap<PersonId, string>> {
  const names = new Map<PersonId, string>(ids.map((id) => [id, NAME_ERASED]));
  if (ids.length === 0) return names;
  const rows = await trx.selectFrom('person_name').selectAll().where('person_id', 'in', ids).execute();
  for (const row of rows) names.set(PersonId.parse(row.person_id), row.name);
  return names;
}
