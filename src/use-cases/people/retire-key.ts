import { actorOf, type OperatorAccount } from '../../access/audit-event.ts';
import { isMember, isOver } from '../../access/engagement.ts';
import type { Fingerprint, PersonId } from '../../access/ids.ts';
import { mayAct, type RegisteredKey } from '../../access/person.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { type EndingParts, endGrantIn } from '../grants/ending.ts';
import { directLane } from '../notice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store, Tx } from '../ports/store.ts';

type Deps<Part extends keyof Tx> = { readonly store: Store<Part>; readonly clock: Clock };

export type RetireKeyInput = {
  /** An account of the host, where an operator does it at the command line. */
  readonly by: PersonId | OperatorAccount;
  readonly fingerprint: Fingerprint;
  readonly isSecurity: boolean;
};

/**
 * Takes a key away for good: it opens nothing from now on, its live sessions end, and grants that have no other key end with it.
 * Its owner may, the sponsor of an engagement that the owner works in, security, and the operator.
 */
export const retireKey =
  (deps: Deps<EndingParts | 'keys' | 'engagements'>) =>
  (input: RetireKeyInput): Promise<Result<RegisteredKey>> =>
    deps.store.transaction(async (tx) => {
      const now = deps.clock.now();
      const { by, fingerprint } = input;
      const actor = actorOf(by);
      const person = actor.kind === 'person' ? actor.id : null;
      const key = await tx.keys.byFingerprint(fingerprint);
      // Who may not is not told whether there is such a key.
      if (!key || !(await mayRetire(tx, input, key.personId, now))) return refuse({ code: 'may_not_retire_key' });
      // An approval for this key that is being written at this moment goes first, and then finds its end here.
      await tx.persons.lock(key.personId);
      if (!(await tx.keys.retire(fingerprint, now, person))) return refuse({ code: 'key_retired', fingerprint });
      await tx.audit.append({ type: 'key_retired', at: now, actor, facts: { person: key.personId, fingerprint } });
      const left = new Set((await tx.keys.ofPerson(key.personId)).map((each) => each.fingerprint));
      for (const { id, terms } of await tx.grants.ofPerson(key.personId)) {
        if (!terms.keyFingerprints.includes(fingerprint) || terms.keyFingerprints.some((each) => left.has(each)))
          continue;
        await endGrantIn(tx, id, { how: 'revoked', by: person, comment: 'its key was retired' }, actor, now);
      }
      tx.announce({ kind: 'rights_changed' });
      await tx.outbox.enqueue({ kind: 'key_retired', fingerprint, to: key.personId }, directLane(key.personId));
      return ok({ ...key, retiredAt: now });
    });

async function mayRetire(
  tx: Tx<'persons' | 'engagements'>,
  { by, isSecurity }: RetireKeyInput,
  owner: PersonId,
  now: Date,
): Promise<boolean> {
  if (typeof by !== 'string') return true;
  if (!mayAct(await tx.persons.byId(by))) return false;
  if (by === owner || isSecurity) return true;
  const working = (await tx.engagements.ofMember(owner)).filter((each) => !isOver(each, now));
  return working.some((engagement) => engagement.sponsorId === by);
}

export type ListedKey = { readonly key: RegisteredKey; readonly owner: string };

/**
 * Keys that are in use and that this person may retire: their own, then those of people in engagements that they opened. `find` is a
 * part of an owner's name or of a fingerprint.
 */
export const listKeys =
  (deps: Deps<'engagements' | 'persons' | 'keys'>) =>
  ({
    personId,
    isSecurity,
    find,
  }: {
    readonly personId: PersonId;
    readonly isSecurity: boolean;
    readonly find: string | null;
  }): Promise<{
    readonly mine: readonly RegisteredKey[];
    readonly others: readonly ListedKey[];
  }> =>
    deps.store.transaction(async (tx) => {
      const now = deps.clock.now();
      const open = (await tx.engagements.all()).filter(
        (engagement) => !isOver(engagement, now) && (isSecurity || engagement.sponsorId === personId),
      );
      const members = new Set(open.flatMap((each) => each.memberIds.filter((id) => isMember(each, id))));
      members.delete(personId);
      const others: ListedKey[] = [];
      for (const id of members) {
        const owner = await tx.persons.name(id);
        for (const key of await tx.keys.ofPerson(id)) others.push({ key, owner });
      }
      const wanted = find?.toLowerCase() ?? '';
      const isFound = ({ key, owner }: ListedKey): boolean =>
        owner.toLowerCase().includes(wanted) || key.fingerprint.toLowerCase().includes(wanted);
      return { mine: await tx.keys.ofPerson(personId), others: others.filter(isFound) };
    });
