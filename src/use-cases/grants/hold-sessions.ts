import type { Actor } from '../../access/audit-event.ts';
import { type Grant, isActive } from '../../access/grant.ts';
import type { Fingerprint, GrantId, PersonId, SessionId } from '../../access/ids.ts';
import { isInDoubt, mayAct } from '../../access/person.ts';
import type { RestingRejection } from '../../access/rejection.ts';
import type { Session } from '../../access/session.ts';
import type { CertificateAuthority } from '../ports/authority.ts';
import type { Clock } from '../ports/clock.ts';
import type { Carried, Ender, Gateways, TerminationOrder } from '../ports/gateways.ts';
import type { Inventory } from '../ports/inventory.ts';
import type { Store, Tx } from '../ports/store.ts';
import { isBelievable, type Resting, restingOf } from './believable.ts';
import { enderOf } from './ending.ts';

type HoldDeps = {
  readonly store: Store<'sessions' | 'grants' | 'keys' | 'persons' | 'engagements' | 'audit' | 'breaks'>;
  readonly clock: Clock;
  readonly inventory: Pick<Inventory, 'policy'>;
  readonly gateways: Pick<Gateways, 'carried' | 'terminate' | 'extend'>;
  readonly authority: Pick<CertificateAuthority, 'digest' | 'sealed'>;
};

/** One live session: what its record says, and what a worker carries; either may be missing. */
type Live = { readonly id: SessionId; readonly row: Session | null; readonly carried: Carried | null };
/** `under` is the grant under which its record has it go on; where it does, an order is void. */
type Held = { readonly session: SessionId; readonly order: TerminationOrder | null; readonly under: Grant | null };

/**
 * Ends every live session whose grant is over, and has the others live as long as theirs. It runs at each change and on a timer,
 * so that a change nobody heard of takes effect a moment later all the same. What the workers carry counts as well as its record,
 * which somebody could change in the database.
 */
export const holdSessionsToGrants = (deps: HoldDeps) => async (): Promise<number> => {
  const { gateways, authority } = deps;
  const before = new Set(gateways.carried().map(({ session }) => session));
  const held = await deps.store.transaction(async (tx) => {
    const now = deps.clock.now();
    const live = liveOnes(await tx.sessions.live(), gateways.carried(), before);
    const resting = await restingPeople(tx, live, now, deps.inventory.policy.doubt);
    const retired = await tx.keys.retiredAmong([...new Set(live.flatMap((each) => both(each, 'keyFingerprint')))]);
    const grants = new Map<GrantId, Grant | null>();
    const grantOf = async (id: GrantId): Promise<Grant | null> => {
      const grant = grants.get(id) ?? (await tx.grants.byId(id));
      grants.set(id, grant);
      return grant;
    };
    const engagementIds = new Set(live.flatMap(({ row }) => row?.engagementId ?? []));
    for (const each of live)
      for (const id of both(each, 'grantId')) {
        const grant = await grantOf(id);
        if (grant) engagementIds.add(grant.terms.engagementId);
      }
    const engagements = await restingOf(tx, [...engagementIds], now, deps.inventory.policy.doubt);
    const held: Held[] = [];
    for (const each of live) held.push(await holdOne(tx, each, { now, grantOf, resting, engagements, retired }));
    return held;
  });
  const named = new Set(held.flatMap(({ under }) => under ?? []));
  const believable = new Set([...named].filter((grant) => isBelievable(authority, grant)));
  let over = 0;
  for (const { session, order, under } of held) {
    const goesOn = under !== null && believable.has(under) && gateways.extend(session, under);
    if (order === null || goesOn) continue;
    gateways.terminate([session], order);
    over += 1;
  }
  return over;
};

/**
 * A session has its record before a worker carries it, and no worker carries it when its record ends: carried before and after the
 * records were read, and without one, is a record that was taken away.
 */
function liveOnes(rows: readonly Session[], after: readonly Carried[], before: ReadonlySet<SessionId>): Live[] {
  const carried = new Map(after.filter(({ session }) => before.has(session)).map((each) => [each.session, each]));
  const recorded = new Set(rows.map(({ id }) => id));
  return [
    ...rows.map((row): Live => ({ id: row.id, row, carried: carried.get(row.id) ?? null })),
    ...[...carried.values()]
      .filter(({ session }) => !recorded.has(session))
      .map((each): Live => ({ id: each.session, row: null, carried: each })),
  ];
}

/** What record and memory say, each once. */
function both<Key extends 'grantId' | 'personId' | 'keyFingerprint'>({ row, carried }: Live, key: Key): Carried[Key][] {
  const values = [...(row ? [row[key]] : []), ...(carried ? [carried[key]] : [])] as Carried[Key][];
  return [...new Set(values)];
}

type Judging = {
  readonly now: Date;
  readonly grantOf: (id: GrantId) => Promise<Grant | null>;
  readonly resting: ReadonlySet<PersonId>;
  readonly engagements: Resting;
  readonly retired: ReadonlySet<Fingerprint>;
};

async function holdOne(
  tx: Tx<'persons' | 'audit' | 'breaks'>,
  live: Live,
  { now, grantOf, resting, engagements, retired }: Judging,
): Promise<Held> {
  const { id: session, row, carried } = live;
  const isChanged =
    carried !== null &&
    (row === null || row.personId !== carried.personId || row.keyFingerprint !== carried.keyFingerprint);
  if (isChanged) tx.breaks({ what: 'session', id: session });
  const ended = (order: TerminationOrder): Held => ({ session, order, under: null });
  const recorded = row && (await grantOf(row.grantId));
  if (row && (!recorded || !isActive(recorded, now))) return ended(await orderFor(tx, recorded));
  if (both(live, 'keyFingerprint').some((key) => retired.has(key)))
    return ended({ why: 'revoked', because: 'key_retired' });
  if (both(live, 'personId').some((person) => resting.has(person)))
    return ended({ why: 'unconfirmed', because: 'person_unconfirmed' });
  if (isChanged) return ended({ why: 'revoked', because: 'session_tampered' });
  const runsUnder = carried && (await grantOf(carried.grantId));
  const [rests] = [recorded, runsUnder].flatMap((grant) => (grant && engagements.get(grant.terms.engagementId)) ?? []);
  if (rests) return ended(RESTING[rests.code]);
  const isOver = carried !== null && (!runsUnder || !isActive(runsUnder, now));
  return { session, order: isOver ? await orderFor(tx, runsUnder) : null, under: recorded };
}

/** Those of live sessions whose account is gone, or whom nobody has confirmed for too long. */
async function restingPeople(
  tx: Tx<'persons'>,
  sessions: readonly Live[],
  now: Date,
  doubt: number,
): Promise<ReadonlySet<PersonId>> {
  const people = await tx.persons.byIds([...new Set(sessions.flatMap((each) => both(each, 'personId')))]);
  return new Set(people.filter((each) => !mayAct(each) || isInDoubt(each, now, doubt)).map((each) => each.id));
}

const RESTING: Readonly<Record<RestingRejection['code'], TerminationOrder>> = {
  engagement_over: { why: 'expired', because: 'engagement_over' },
  engagement_not_begun: { why: 'expired', because: 'engagement_not_begun' },
  outside_engagement_hours: { why: 'expired', because: 'outside_engagement_hours' },
  channel_unread: { why: 'unconfirmed', because: 'channel_unread' },
  engagement_closed: { why: 'revoked', because: 'engagement_closed' },
  record_tampered: { why: 'revoked', because: 'record_tampered' },
};

async function orderFor(tx: Tx<'persons' | 'audit'>, grant: Grant | null): Promise<TerminationOrder> {
  if (!grant) return { why: 'revoked', because: 'grant_missing' };
  const { end, suspended } = grant;
  if (suspended && !end) return { why: 'revoked', because: 'grants_suspended' };
  if (!end) return { why: 'expired', because: 'expired' };
  if (end.how === 'returned') return { why: 'returned', because: 'returned' };
  const by = enderCalled(await enderOf(tx, grant), end.by && (await tx.persons.name(end.by)));
  return { why: 'revoked', because: 'revoked', by, comment: end.comment };
}

/** What Daypass did by itself nobody did. */
function enderCalled(actor: Actor | null, name: string | null): Ender | null {
  if (actor?.kind === 'operator') return actor;
  return name === null ? null : { kind: 'person', name };
}

/** The order that ends one session at somebody's word. It ends whether or not its people can be looked up. */
export const sessionEndOrder =
  (deps: { readonly store: Store<'sessions' | 'persons'> }) =>
  async (id: SessionId, by: Actor): Promise<TerminationOrder> => {
    const look = deps.store.transaction(async (tx) => ({
      isOwn: by.kind === 'person' && (await tx.sessions.byId(id))?.personId === by.id,
      name: by.kind === 'person' ? await tx.persons.name(by.id) : null,
    }));
    const { isOwn, name } = await look.catch(() => ({ isOwn: false, name: null }));
    if (isOwn) return { why: 'ended_by_reviewer', because: 'ended_by_holder' };
    return { why: 'ended_by_reviewer', because: 'ended', by: enderCalled(by, name) };
  };
