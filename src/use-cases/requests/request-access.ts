import type { Assurance } from '../../access/assurance.ts';
import { type Engagement, isMember, latestEnd, outsideOf, whyItRests } from '../../access/engagement.ts';
import { type EngagementId, type Login, Login as LoginSchema, type PersonId, RequestId } from '../../access/ids.ts';
import { isFidoKey, type KeyDemand, withDemand } from '../../access/key-demand.ts';
import { type Person, type RegisteredKey, whyNotActive } from '../../access/person.ts';
import { decide, type PolicyDenial } from '../../access/policy-decision.ts';
import { hasSubstance } from '../../access/reason.ts';
import type { AskRejection, RejectionOf } from '../../access/rejection.ts';
import {
  type AccessRequest,
  ASK_LIMITS,
  type Ask,
  isExpired,
  isSameAccess,
  type PendingRequest,
  RULE_BREAK,
  transition,
} from '../../access/request.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { findScope, type Scope } from '../../access/scopes/scope.ts';
import { secretIn } from '../../access/secret.ts';
import { pin, type Target } from '../../access/target.ts';
import { eligibleReviewers } from '../engagements/eligible-reviewers.ts';
import type { FactParts } from '../engagements/reviewer-facts.ts';
import { tampered } from '../grants/believable.ts';
import { directLane, threadLane } from '../notice.ts';
import type { CertificateAuthority } from '../ports/authority.ts';
import type { Clock } from '../ports/clock.ts';
import type { Inventory } from '../ports/inventory.ts';
import type { RandomSource } from '../ports/random.ts';
import type { Store, Tx } from '../ports/store.ts';
import { refreshCards } from './reviewing.ts';

type Deps = {
  readonly store: Store<FactParts | 'keys' | 'requests' | 'audit' | 'outbox' | 'broken'>;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly inventory: Inventory;
  readonly authority: Pick<CertificateAuthority, 'digest'>;
};

export type RequestAccessInput = {
  readonly by: PersonId;
  readonly engagementId: EngagementId;
  readonly targetIds: readonly string[];
  readonly login: string;
  readonly scope: string;
  readonly durationSeconds: number;
  readonly reason: string;
  readonly ticket: string | null;
  /** Fingerprints of own keys; the newest one where none is named. */
  readonly keys?: readonly string[];
  /** An own request that waits: the new one takes its place. */
  readonly replaces?: RequestId | null;
};

/** Files an access request and asks its reviewers. One that it replaces is withdrawn with it, or nothing happens. */
export const requestAccess =
  (given: Deps) =>
  (input: RequestAccessInput): Promise<Result<PendingRequest>> =>
    given.store.transaction(async (tx) => {
      const deps = { ...given, inventory: { ...given.inventory } };
      const now = deps.clock.now();
      // Requests are locked before people, people before engagements.
      const replaced = input.replaces ? await tx.requests.lock(input.replaces) : null;
      // Locked, as the engagement is: what ends all that the person has, or all in it, goes first or finds the request, and two requests
      // at a time are counted one after the other.
      const person = await tx.persons.lock(input.by);
      const inactive = whyNotActive(person, now, deps.inventory.policy.doubt);
      if (inactive || !person) return refuse(inactive ?? { code: 'person_inactive' });
      const keys = await tx.keys.ofPerson(input.by);
      if (keys.length === 0) return refuse(tampered(tx) ?? { code: 'no_registered_key' });
      const named = input.keys ?? [];
      const wanted = wantedOf(keys, named);
      if (new Set(named).size > wanted.length) return refuse({ code: 'unknown_own_key', field: 'key' });
      const engagement = await tx.engagements.lock(input.engagementId);
      if (!engagement) return refuse(tampered(tx) ?? { code: 'unknown_engagement', field: 'engagement' });
      if (!engagement.confirmedAt) return refuse({ code: 'engagement_unconfirmed', field: 'engagement' });
      const what = whatIsAsked(deps.inventory, { engagement, person }, input, now);
      if (!what.ok) return what;
      const plain = whyNotKeys(wanted, what.value);
      if (plain) return refuse(plain);
      const reviewers = await eligibleReviewers(tx, deps.inventory.policy, engagement, person, now);
      const { approvals: needed } = what.value;
      if (reviewers.length < needed)
        return refuse({ code: 'no_reviewer', needed, found: reviewers.length, field: 'engagement' });

      const ask: PendingRequest['ask'] = {
        engagementId: engagement.id,
        personId: input.by,
        targets: what.value.targets.map(pin),
        login: what.value.login,
        scope: what.value.scope,
        durationSeconds: input.durationSeconds,
        reason: what.value.reason,
        ticket: what.value.ticket,
        keyFingerprints: wanted.map((key) => key.fingerprint).sort(),
        ...withDemand(what.value.keys),
      };
      const crowded = await whyNotAlso(deps, tx, ask, input.replaces ?? null, now);
      if (crowded) return refuse(crowded);
      const id = RequestId.parse(deps.random.uuid());
      const old = replaced && transition(replaced, { kind: 'withdraw', by: input.by, replacedBy: id }, now);
      if (old ? !old.ok : input.replaces)
        return old && !old.ok ? old : refuse(tampered(tx) ?? { code: 'unknown_request' });
      const waitsUntil = now.getTime() + deps.inventory.policy.request_ttl * 1000;
      const request: PendingRequest = {
        id,
        ask,
        digest: deps.authority.digest({ id, ...ask }),
        rule: what.value.rule,
        approvals: what.value.approvals,
        assurance: what.value.assurance,
        requestedAt: now,
        expiresAt: new Date(Math.min(waitsUntil, latestEnd(engagement, now).getTime())),
        reviews: [],
        pledges: [],
        status: 'pending',
      };
      await tx.requests.insert(request);
      if (old?.ok) await closeReplaced(tx, old.value, request, now);
      await tellOf(tx, request, reviewers);
      return ok(request);
    });

/** In the audit log, and to who decides it and who asked. */
async function tellOf(
  tx: Tx<'audit' | 'outbox'>,
  request: PendingRequest,
  reviewers: readonly PersonId[],
): Promise<void> {
  const { id, ask } = request;
  await tx.audit.append({
    type: 'access_requested',
    at: request.requestedAt,
    actor: { kind: 'person', id: ask.personId },
    facts: {
      request: id,
      digest: request.digest,
      engagement: ask.engagementId,
      targets: ask.targets.map((target) => target.id),
      login: ask.login,
      scope: ask.scope.name,
      seconds: ask.durationSeconds,
      rule: request.rule,
      assurance: request.assurance,
    },
  });
  for (const to of reviewers) {
    await tx.outbox.enqueue({ kind: 'review_card', requestId: id, to }, directLane(to));
  }
  const thread = threadLane(ask.engagementId);
  await tx.outbox.enqueue({ kind: 'review_card', requestId: id, to: null }, thread);
  await tx.outbox.enqueue({ kind: 'engagement_updated', engagementId: ask.engagementId }, thread);
  await tx.outbox.enqueue({ kind: 'request_received', requestId: id }, directLane(ask.personId));
}

/** Why this may not wait beside what waits already; null where it may. */
async function whyNotAlso(
  { inventory }: Deps,
  tx: Tx<'requests'>,
  ask: Ask,
  replaces: RequestId | null,
  now: Date,
): Promise<AskRejection | null> {
  const others = (await tx.requests.pendingOf(ask.personId)).filter(
    (each) => each.id !== replaces && !isExpired(each, now),
  );
  const same = others.find((each) => isSameAccess(each.ask, ask));
  if (same) return { code: 'same_request_waits', requestId: same.id, at: same.requestedAt };
  const { pending_per_person: max } = inventory.policy;
  return others.length >= max ? { code: 'too_many_pending', max } : null;
}

/** Its reviews are void, and its cards say what took its place. */
async function closeReplaced(
  tx: Tx<'requests' | 'engagements' | 'audit' | 'outbox'>,
  old: AccessRequest,
  { id, ask }: PendingRequest,
  now: Date,
): Promise<void> {
  await tx.requests.save(old);
  const facts = { request: old.id, digest: old.digest, replacedBy: id };
  await tx.audit.append({ type: 'request_withdrawn', at: now, actor: { kind: 'person', id: ask.personId }, facts });
  const engagement = await tx.engagements.byId(old.ask.engagementId);
  if (engagement) await refreshCards(tx, engagement, old.id);
}

/** Where and for what access is wanted, of what there is. */
export type Chosen = { readonly targets: readonly Target[]; readonly login: Login; readonly scope: Scope };

type Asked = Chosen & {
  readonly rule: string;
  readonly approvals: number;
  readonly assurance: Assurance;
  /** What the rules want of each key. */
  readonly keys: KeyDemand;
  readonly reason: string;
  readonly ticket: string | null;
};

type Whose = { readonly engagement: Engagement; readonly person: Person };

/** Refused where it is not in the engagement, or is not there any more; what policy says of it comes afterwards. */
export function whatIsChosen(
  inventory: Inventory,
  { engagement, person }: Whose,
  input: Pick<RequestAccessInput, 'targetIds' | 'login' | 'scope'>,
  now: Date,
): Result<Chosen> {
  if (!isMember(engagement, person.id)) {
    return refuse({ code: 'not_a_member', engagementId: engagement.id, field: 'engagement' });
  }
  const rests = whyItRests(engagement, now, inventory.policy.doubt);
  if (rests) return refuse(rests);
  const targets = askedTargets(inventory, engagement, input.targetIds);
  if (!targets.ok) return targets;
  const login = LoginSchema.safeParse(input.login);
  const without = targets.value.filter((target) => !login.success || !target.logins.includes(login.data));
  if (!login.success || without.length > 0) {
    const targetIds = without.map((target) => target.id);
    return refuse({ code: 'login_not_on_target', login: input.login, targetIds, field: 'login' });
  }
  const scope = findScope(inventory.scopes, input.scope);
  if (!scope || !engagement.scopes.includes(scope.name)) {
    return refuse({ code: 'scope_not_in_engagement', scope: input.scope, field: 'scope' });
  }
  if (outsideOf(engagement, { targetIds: [], scope: scope.name, login: login.data }))
    return refuse({ code: 'login_not_in_engagement', login: login.data, field: 'login' });
  return ok({ targets: targets.value, login: login.data, scope });
}

function whatIsAsked(inventory: Inventory, whose: Whose, input: RequestAccessInput, now: Date): Result<Asked> {
  const chosen = whatIsChosen(inventory, whose, input, now);
  if (!chosen.ok) return chosen;
  const { targets, login, scope } = chosen.value;
  const reason = storable(input.reason).trim();
  const ticket = storable(input.ticket ?? '').trim();
  if (reason === '' || reason.length > ASK_LIMITS.reason || ticket.length > ASK_LIMITS.ticket) {
    return refuse({ code: 'reason_missing', field: 'reason' });
  }
  const secret = secretAmong({ reason, ticket });
  if (secret) return refuse(secret);
  if (!hasSubstance(reason)) return refuse({ code: 'reason_empty', field: 'reason' });
  const { durationSeconds } = input;
  if (!Number.isSafeInteger(durationSeconds) || durationSeconds <= 0) {
    return refuse({ code: 'duration_too_long', maxSeconds: 0, rule: '', field: 'duration' });
  }
  const { id, vendor } = whose.engagement;
  const decision = decide(inventory.policy, {
    ...{ scope: scope.name, targets, login, durationSeconds, ticket: ticket || null },
    ...{ standing: whose.person.standing, engagement: { id, vendor }, at: now },
  });
  if (!decision.allowed) return refuse(denied(decision.reason));
  const { approvals, assurance, keys } = decision;
  const rule = decision.rules.join(RULE_BREAK);
  return ok({ ...chosen.value, rule, approvals, assurance, keys, reason, ticket: ticket || null });
}

/** Why these keys will not do where a rule wants more of them; null where they will. */
export const whyNotKeys = (
  wanted: readonly RegisteredKey[],
  { rule, keys }: Pick<Asked, 'rule' | 'keys'>,
): RejectionOf<'fido_key_needed'> | null =>
  keys !== 'any' && wanted.some(({ publicKey }) => !isFidoKey(publicKey))
    ? { code: 'fido_key_needed', rule, verified: keys === 'fido_verified', field: 'key' }
    : null;

/** Those that are named; the newest one where none is. */
export const wantedOf = (keys: readonly RegisteredKey[], named: readonly string[]): readonly RegisteredKey[] =>
  named.length === 0 ? keys.slice(-1) : keys.filter((key) => named.includes(key.fingerprint));

function secretAmong(texts: Readonly<Record<'reason' | 'ticket', string>>): RejectionOf<'secret_found'> | null {
  for (const field of ['reason', 'ticket'] as const) {
    const what = secretIn(texts[field]);
    if (what) return { code: 'secret_found', what, field };
  }
  return null;
}

export function denied(reason: PolicyDenial): AskRejection {
  switch (reason.kind) {
    case 'no_rule':
      return { code: 'no_policy_rule', field: 'scope' };
    case 'too_long':
      return {
        ...{ code: 'duration_too_long', maxSeconds: reason.maxDurationSeconds, rule: reason.rule },
        field: 'duration',
      };
    case 'hours': {
      const { rule, opens, zone } = reason;
      return { code: 'outside_hours', rule, opens, zone, field: 'duration' };
    }
    case 'ticket':
      return { code: 'ticket_wanted', rule: reason.rule, example: reason.example, field: 'ticket' };
  }
}

/** Half of a surrogate pair has no UTF-8, so no digest, and no database keeps a NUL. */
const storable = (text: string): string => text.replace(/[\p{Cs}\0]/gu, '\ufffd');

function askedTargets(inventory: Inventory, engagement: Engagement, ids: readonly string[]): Result<Target[]> {
  const asked = [...new Set(ids)].sort();
  if (asked.length === 0 || asked.length > ASK_LIMITS.targets) return refuse({ code: 'no_targets', field: 'targets' });
  const targets: Target[] = [];
  for (const id of asked) {
    const inEngagement = engagement.targetIds.find((each) => each === id);
    const target = inEngagement && inventory.find(inEngagement);
    if (!target) return refuse({ code: 'target_not_in_engagement', targetId: id, field: 'targets' });
    targets.push(target);
  }
  return ok(targets);
}
