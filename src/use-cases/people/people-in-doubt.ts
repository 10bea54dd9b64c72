import { isOver } from '../../access/engagement.ts';
import type { PersonId } from '../../access/ids.ts';
import { isInDoubt, mayAct, type Person } from '../../access/person.ts';
import { SECURITY_LANE } from '../notice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Inventory } from '../ports/inventory.ts';
import type { Store, Tx } from '../ports/store.ts';

type Deps<Part extends keyof Tx> = { readonly store: Store<Part>; readonly clock: Clock };

const NAMED_MAX = 20;
const GRANTS_MAX = 10_000;

/** People whom Slack is asked about on a timer: who has access, then who may ask for it or decide it, the longest unconfirmed first. */
export const peopleToConfirm = (deps: Deps<'grants' | 'engagements' | 'persons'>) => (): Promise<readonly Person[]> =>
  deps.store.transaction(async (tx) => {
    const now = deps.clock.now();
    const holding = new Set<PersonId>(await holders(tx, now));
    const ids = new Set(holding);
    for (const engagement of await tx.engagements.all()) {
      if (isOver(engagement, now)) continue;
      const { memberIds, reviewerIds, sponsorId } = engagement;
      for (const id of [...memberIds, ...reviewerIds, sponsorId]) ids.add(id);
    }
    const people = (await tx.persons.byIds([...ids])).filter(mayAct);
    const rank = ({ id }: Person): number => (holding.has(id) ? 0 : 1);
    return people.toSorted((a, b) => rank(a) - rank(b) || a.confirmedAt.getTime() - b.confirmedAt.getTime());
  });

const holders = async (tx: Tx<'grants'>, now: Date): Promise<PersonId[]> =>
  (await tx.grants.list({ activeAt: now, limit: GRANTS_MAX })).map((grant) => grant.terms.personId);

/** Channels of engagements that are not over. */
export const channelsToRead = (deps: Deps<'engagements'>) => (): Promise<readonly string[]> =>
  deps.store.transaction(async (tx) => {
    const open = (await tx.engagements.all()).filter((engagement) => !isOver(engagement, deps.clock.now()));
    return [...new Set(open.map((engagement) => engagement.channelId))];
  });

/** Tells security, once for each doubt, whose access rests because Slack has not confirmed them. Returns how many. */
export const tellOfDoubts =
  (
    deps: Deps<'persons' | 'grants' | 'sessions' | 'audit' | 'outbox'> & {
      readonly inventory: Pick<Inventory, 'policy'>;
    },
  ) =>
  (): Promise<number> =>
    deps.store.transaction(async (tx) => {
      const now = deps.clock.now();
      const { doubt } = deps.inventory.policy;
      const sessions = await tx.sessions.live();
      const ids = [...new Set([...(await holders(tx, now)), ...sessions.map((session) => session.personId)])];
      const doubted = (await tx.persons.byIds(ids)).filter((person) => mayAct(person) && isInDoubt(person, now, doubt));
      const told = await tx.persons.toldOfDoubt(
        doubted.map((person) => person.id),
        now,
      );
      if (told.length === 0) return 0;
      const at = now.toISOString();
      const resting = sessions.filter((session) => told.includes(session.personId)).length;
      await tx.audit.append({
        ...{ type: 'people_in_doubt', at: now, actor: { kind: 'daypass' } },
        facts: { people: told, sessions: resting, seconds: doubt },
      });
      await tx.outbox.enqueue(
        {
          ...{ kind: 'people_in_doubt', at, personIds: told.slice(0, NAMED_MAX), count: told.length },
          ...{ sessions: resting, doubtSeconds: doubt },
        },
        SECURITY_LANE,
      );
      return told.length;
    });
