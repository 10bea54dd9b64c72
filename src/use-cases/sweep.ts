import { type Grant, isActive } from '../access/grant.ts';
import type { GrantId, PersonId, SessionId } from '../access/ids.ts';
import { isInDoubt } from '../access/person.ts';
import { transition } from '../access/request.ts';
import type { Session } from '../access/session.ts';
import { isBelievable, restingOf, type WhyResting } from './believable.ts';
import { directLane, noteIfOver, takeButtonAway } from './grant-ending.ts';
import type { CertificateAuthority, Clock, Gateways, Inventory, Store, TerminationOrder, Tx } from './ports.ts';
import { refreshCards } from './review-request.ts';

type Deps = { readonly store: Store; readonly clock: Clock };

const BATCH = 100;

/**
 * Writes down that grants ran out and tells their threads; access had ended by itself at that instant. A grant also runs out once as
 * much time has passed as it had left when it was first seen: a wall clock that is set back lengthens nothing.
 */
export function noteExpiredGrants(deps: Deps & { readonly elapsedMs: () => number }): () => Promise<number> {
  let deadlines = new Map<GrantId, number>();
  return async () => {
    const now = deps.clock.now();
    const elapsed = deps.elapsedMs();
    const open = await deps.store.transaction((tx) => tx.grants.open());
    deadlines = new Map(
      open.map(({ id, expiresAt }) => {
        const left = expiresAt.getTime() - now.getTime();
        return [id, Math.min(deadlines.get(id) ?? Number.POSITIVE_INFINITY, elapsed + left)];
      }),
    );
    const over = [...deadlines].filter(([, deadline]) => deadline <= elapsed).map(([id]) => id);
    return over.length === 0 ? 0 : noteExpiry(deps, over.slice(0, BATCH), now);
  };
}

const noteExpiry = (deps: Deps, ids: readonly GrantId[], now: Date): Promise<number> =>
  deps.store.transaction(async (tx) => {
    const expired = await tx.grants.lockOpen(ids);
    for (const grant of expired) {
      await tx.grants.noteExpiry(grant.id, now);
      const facts = { grant: grant.id, digest: grant.digest, person: grant.terms.personId };
      await tx.audit.append({ type: 'grant_expired', at: now, actor: { kind: 'daypass' }, facts });
      await takeButtonAway(tx, grant);
      await noteIfOver(tx, grant);
      tx.announce({ kind: 'grant_ended', grantId: grant.id });
    }
    return expired.length;
  });

/** Closes requests that nobody reviewed in time. */
export const expireRequests = (deps: Deps) => (): Promise<number> =>
  deps.store.transaction(async (tx) => {
    const now = deps.clock.now();
    const overdue = await tx.requests.lockOverdue(now, BATCH);
    for (const request of overdue) {
      const expired = transition(request, { kind: 'expire' }, now);
      if (!expired.ok) continue;
      await tx.requests.save(expired.value);
      const facts = { request: request.id, digest: request.digest };
      await tx.audit.append({ type: 'request_expired', at: now, actor: { kind: 'daypass' }, facts });
      const engagement = await tx.engagements.byId(request.ask.engagementId);
      if (engagement) await refreshCards(tx, engagement, request.id);
      const requester = directLane(request.ask.personId);
      await tx.outbox.enqueue({ kind: 'request_closed', requestId: request.id }, requester);
    }
    return overdue.length;
  });

type HoldDeps = Deps & {
  readonly inventory: Pick<Inventory, 'policy'>;
  readonly gateways: Pick<Gateways, 'terminate' | 'extend'>;
  readonly authority: Pick<CertificateAuthority, 'digest' | 'sealed'>;
};

/**
 * Ends every live session whose grant is over, and has the others live as long as theirs. It runs at each change and on a timer,
 * so that a change nobody heard of takes effect a moment later all the same.
 */
export const holdSessionsToGrants = (deps: HoldDeps) => async (): Promise<number> => {
  const { over, going } = await deps.store.transaction(async (tx) => {
    const now = deps.clock.now();
    const grants = new Map<GrantId, Grant | null>();
    const over: { session: SessionId; order: TerminationOrder }[] = [];
    const going: { session: SessionId; grant: Grant }[] = [];
    const live = await tx.sessions.live();
    const resting = await restingPeople(tx, live, now, deps.inventory.policy.doubt);
    const engagementIds = live.map((session) => session.engagementId);
    const engagements = await restingOf(tx, engagementIds, now, deps.inventory.policy.doubt);
    const retired = await tx.keys.retiredAmong([...new Set(live.map((session) => session.keyFingerprint))]);
    for (const { id: session, grantId, personId, engagementId, keyFingerprint } of live) {
      const grant = grants.get(grantId) ?? (await tx.grants.byId(grantId));
      grants.set(grantId, grant);
      const rests = engagements.get(engagementId);
      if (!grant || !isActive(grant, now)) over.push({ session, order: await orderFor(tx, grant) });
      else if (retired.has(keyFingerprint)) over.push({ session, order: KEY_RETIRED });
      else if (resting.has(personId)) over.push({ session, order: UNCONFIRMED });
      else if (rests) over.push({ session, order: RESTING[rests.code] });
      else going.push({ session, grant });
    }
    return { over, going };
  });
  for (const { session, order } of over) deps.gateways.terminate([session], order);
  const believable = new Set(going.map(({ grant }) => grant).filter((grant) => isBelievable(deps.authority, grant)));
  for (const { session, grant } of going) if (believable.has(grant)) deps.gateways.extend(session, grant);
  return over.length;
};

/** Those of live sessions whose account is gone, or whom nobody has confirmed for too long. */
async function restingPeople(
  tx: Tx,
  sessions: readonly Session[],
  now: Date,
  doubt: number,
): Promise<ReadonlySet<PersonId>> {
  const people = await tx.persons.byIds([...new Set(sessions.map((session) => session.personId))]);
  return new Set(people.filter((each) => !each.active || isInDoubt(each, now, doubt)).map((each) => each.id));
}

const KEY_RETIRED: TerminationOrder = {
  why: 'revoked',
  message: 'ended: the key of this session was retired. Ask in the engagement thread why.',
};

const UNCONFIRMED: TerminationOrder = {
  why: 'unconfirmed',
  message: 'ended: Slack has not confirmed that your account is active. Ask in the engagement thread.',
};
const RESTING: Readonly<Record<WhyResting['code'], TerminationOrder>> = {
  channel_unread: {
    why: 'unconfirmed',
    message:
      'ended: Slack has not said for too long who is in the channel of your engagement. Ask there to invite Daypass again.',
  },
  record_tampered: {
    why: 'revoked',
    message: 'ended: what is stored about your engagement was changed outside Daypass. Tell security.',
  },
};
const SUSPENDED = 'ended: all access is suspended until the operators have looked at their restored database.';

async function orderFor(tx: Tx, grant: Grant | null): Promise<TerminationOrder> {
  if (!grant) return { why: 'revoked', message: 'ended: the grant behind this session is gone.' };
  const { end, suspended } = grant;
  if (suspended && !end) return { why: 'revoked', message: SUSPENDED };
  if (!end) return { why: 'expired', message: 'ended: your access has run out. Ask for more in Slack.' };
  if (end.how === 'returned') return { why: 'returned', message: 'ended: you handed this access back.' };
  const by = end.by ? `by ${await tx.persons.name(end.by)}` : `(${end.comment ?? 'by an operator'})`;
  return { why: 'revoked', message: `ended: grant revoked ${by}. Ask in the engagement thread why.` };
}

/** The order that ends one session at a reviewer's or operator's word. */
export const SESSION_ENDED_BY_REVIEWER: TerminationOrder = {
  why: 'ended_by_reviewer',
  message: 'ended: this session was terminated by a reviewer. Your grant stands; ask in the engagement thread.',
};
