import { z } from 'zod';
import { PersonId } from '../access/ids.ts';
import type { Person, SlackAccount } from '../access/person.ts';
import type { Persons } from '../use-cases/ports/persons.ts';
import { changedOne, instant, instantOrNull, read, Timestamp, text } from './rows.ts';
import type { Sealing } from './sealing.ts';
import type { Trx } from './tables.ts';

const NAME_ERASED = '(name erased)';
/** Nobody is readmitted by time. */
const FOR_GOOD = '9999-12-01T00:00:00.000Z';

const PersonRow = z.object({
  id: PersonId,
  standing: z.enum(['member', 'guest', 'external']),
  active: z.boolean(),
  confirmed_at: Timestamp,
  unseen_since: Timestamp.nullable(),
  offboarded_at: Timestamp.nullable(),
  offboarded_mac: z.string().nullable(),
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

/** Whether somebody is offboarded: with none where nothing was ever written of it. */
const sealedState = (id: PersonId, offboardedAt: Date | null): object => ({
  id,
  offboardedAt: offboardedAt?.toISOString() ?? null,
});
const offboardedKey = (id: string): string => `person:${id}`;

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
    async offboard(id, at) {
      await writeState(trx, sealing, id, at);
      const end = { how: 'revoked', at: at.toISOString(), by: null } as const;
      sealing.end({ key: offboardedKey(id), until: FOR_GOOD, end });
    },
    async readmit(id, at) {
      await writeState(trx, sealing, id, null);
      sealing.end({ key: offboardedKey(id), until: instant(at), end: null });
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
  return rows.map((row) => ({
    ...{ id: row.id, standing: row.standing, active: row.active, accounts: accounts.get(row.id) ?? [] },
    ...{ confirmedAt: row.confirmed_at, unseenSince: row.unseen_since, offboardedAt: offboardedAt(row, sealing) },
  }));
}

/** Nobody comes back by a change of their row: the file of decisions remembers too, and a row that is not believed lets nobody in. */
function offboardedAt(row: z.output<typeof PersonRow>, sealing: Sealing): Date | null {
  const { id, offboarded_at: at, offboarded_mac: mac } = row;
  const isBelieved = (at === null && mac === null) || sealing.holds('person', id, sealedState(id, at), mac);
  if (at) return at;
  const remembered = sealing.over(offboardedKey(id))?.end;
  if (remembered) sealing.breaks({ what: 'person', id });
  if (remembered) return new Date(remembered.at);
  return isBelieved ? null : row.confirmed_at;
}

async function writeState(trx: Trx, sealing: Sealing, id: PersonId, at: Date | null): Promise<void> {
  const state = { offboarded_at: instantOrNull(at), offboarded_mac: sealing.seal('person', sealedState(id, at)) };
  const result = await trx.updateTable('person').set(state).where('id', '=', id).executeTakeFirstOrThrow();
  changedOne(result, 'person');
}

async function insertPerson(trx: Trx, sealing: Sealing, person: Person, name: string): Promise<boolean> {
  const { id, standing, active, accounts, confirmedAt, unseenSince } = person;
  const seen = { confirmed_at: instant(confirmedAt), unseen_since: instantOrNull(unseenSince) };
  await trx
    .insertInto('person')
    .values({ id, standing, active, ...seen, doubt_told_at: null, offboarded_at: null, offboarded_mac: null })
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
