import { z } from 'zod';
import { PersonId } from '../access/ids.ts';
import type { Person, SlackAccount } from '../access/person.ts';
import type { Persons } from '../use-cases/ports/persons.ts';
import { changedOne, instant, instantOrNull, read, Timestamp, text } from './rows.ts';
import type { Sealing } from './sealing.ts';
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
  mac: z.string().nullable(),
});

/** Whose click it is; standing and activity are what Slack last said, and are asked for again. */
const sealedAccount = (personId: string, { teamId, userId, enterpriseId }: SlackAccount): object => ({
  personId,
  teamId,
  userId,
  enterpriseId,
});

export function persons(trx: Trx, sealing: Sealing): Persons {
  const byIds = (ids: readonly PersonId[]) => findPersons(trx, sealing, ids);
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
      const [person] = await byIds([PersonId.parse(found.person_id)]);
      return person?.accounts.some((each) => each.teamId === teamId && each.userId === userId) ? person : null;
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
      await trx.selectFrom('person').select('id').where('id', '=', id).forNoKeyUpdate().execute();
      return (await byIds([id]))[0] ?? null;
    },
    insert: (person, name) => insertPerson(trx, sealing, person, name),
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
    all: () => findPersons(trx, sealing, null),
  };
}

/** An account whose seal is broken is told of, and nobody's. */
async function findPersons(trx: Trx, sealing: Sealing, ids: readonly PersonId[] | null): Promise<readonly Person[]> {
  if (ids?.length === 0) return [];
  let select = trx.selectFrom('person').selectAll().orderBy('id');
  let selectAccounts = trx.selectFrom('slack_account').selectAll().orderBy('ordinal');
  if (ids) {
    select = select.where('id', 'in', ids);
    selectAccounts = selectAccounts.where('person_id', 'in', ids);
  }
  const rows = (await select.execute()).map((row) => read(PersonRow, 'person', row));
  const accounts = new Map<PersonId, SlackAccount[]>(rows.map(({ id }) => [id, []]));
  for (const raw of await selectAccounts.execute()) {
    const row = read(AccountRow, 'slack_account', raw);
    const account = { teamId: row.team_id, userId: row.user_id, enterpriseId: row.enterprise_id };
    const name = `${account.teamId}/${account.userId}`;
    if (!sealing.holds('account', name, sealedAccount(row.person_id, account), row.mac)) continue;
    accounts.get(row.person_id)?.push(account);
  }
  return rows.map(({ confirmed_at: confirmedAt, unseen_since: unseenSince, ...row }) => ({
    ...row,
    confirmedAt,
    unseenSince,
    accounts: accounts.get(row.id) ?? [],
  }));
}

async function insertPerson(trx: Trx, sealing: Sealing, person: Person, name: string): Promise<boolean> {
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
          mac: sealing.sealQuietly('account', sealedAccount(id, storable(account))),
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

/** Those from before there were seals. */
export async function sealAccounts(trx: Trx, sealing: Sealing): Promise<void> {
  for (const raw of await trx.selectFrom('slack_account').selectAll().where('mac', 'is', null).execute()) {
    const { person_id, team_id, user_id, enterprise_id } = read(AccountRow, 'slack_account', raw);
    const account = { teamId: team_id, userId: user_id, enterpriseId: enterprise_id };
    const mac = sealing.seal('account', sealedAccount(person_id, account));
    const row = trx.updateTable('slack_account').set({ mac }).where('team_id', '=', team_id);
    await row.where('user_id', '=', user_id).execute();
  }
}

const storable = ({ teamId, userId, enterpriseId }: SlackAccount): SlackAccount => ({
  teamId: text(teamId),
  userId: text(userId),
  enterpriseId,
});

async function findNames(trx: Trx, ids: readonly PersonId[]): Promise<ReadonlyMap<PersonId, string>> {
  const names = new Map<PersonId, string>(ids.map((id) => [id, NAME_ERASED]));
  if (ids.length === 0) return names;
  const rows = await trx.selectFrom('person_name').selectAll().where('person_id', 'in', ids).execute();
  for (const row of rows) names.set(PersonId.parse(row.person_id), row.name);
  return names;
}
