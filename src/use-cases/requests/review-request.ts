import { downstreamCertificate } from '../../access/certificate.ts';
import { type Engagement, isMember, latestEnd, outsideOf, whyItRests } from '../../access/engagement.ts';
import type { Grant, GrantTerms } from '../../access/grant.ts';
import { type Digest, GrantId, type PersonId, type RequestId } from '../../access/ids.ts';
import { type Person, whyNotActive } from '../../access/person.ts';
import { engagementRules } from '../../access/policy.ts';
import type { NotActive, ReviewRejection } from '../../access/rejection.ts';
import { type AccessRequest, type Review, transition } from '../../access/request.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { mayNotReview } from '../../access/review.ts';
import { secretIn } from '../../access/secret.ts';
import { heldToPolicy } from '../../access/standing-ask.ts';
import { type FactParts, reviewerFacts } from '../engagements/reviewer-facts.ts';
import { tampered } from '../grants/believable.ts';
import { refreshBeside } from '../grants/ending.ts';
import { extendSessionsIn } from '../grants/extend-sessions.ts';
import { directLane, messageKey, threadLane } from '../notice.ts';
import type { CertificateAuthority } from '../ports/authority.ts';
import type { Clock } from '../ports/clock.ts';
import type { Inventory } from '../ports/inventory.ts';
import type { RandomSource } from '../ports/random.ts';
import type { Store, Tx } from '../ports/store.ts';
import { isPostedCard, type PressedCard } from '../posted-card.ts';

type Deps = {
  readonly store: Store<
    FactParts | 'keys' | 'requests' | 'grants' | 'sessions' | 'audit' | 'outbox' | 'messages' | 'announce' | 'broken'
  >;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly inventory: Inventory;
  readonly authority: Pick<CertificateAuthority, 'digest' | 'seal' | 'issueDownstream'>;
};

export type ReviewRequestInput = {
  readonly by: PersonId;
  readonly requestId: RequestId;
  /** The digest that the pressed button carried. */
  readonly digest: string;
  /** The message whose button was pressed. */
  readonly card: PressedCard;
  readonly verdict: Review['verdict'];
  readonly comment: string | null;
};

const COMMENT_MAX = 1_000;

/** Takes one reviewer's verdict; the approval that completes a request creates its grant and certificates. */
export const reviewRequest =
  (given: Deps) =>
  (input: ReviewRequestInput): Promise<Result<AccessRequest>> =>
    given.store.transaction(async (tx) => {
      const deps = { ...given, inventory: { ...given.inventory } };
      const now = deps.clock.now();
      const request = await tx.requests.lock(input.requestId);
      // Locked: a change that takes away goes first, or finds the grant.
      const engagement = request && (await tx.engagements.lock(request.ask.engagementId));
      const reviewer = await tx.persons.byId(input.by);
      const requester = request && (await tx.persons.byId(request.ask.personId));
      if (!request || !engagement || !reviewer || !requester)
        return refuse(tampered(tx) ?? { code: 'unknown_request' });
      const refusal = await refusalOf(deps, tx, { request, engagement, reviewer, requester }, now);
      if (refusal) return refuse(refusal);
      const keys = [input.by, null].map((to) => messageKey({ kind: 'review_card', requestId: request.id, to }));
      if (!(await isPostedCard(tx, input.card, keys))) return refuse({ code: 'unknown_card' });

      const { by: reviewerId, verdict } = input;
      const comment = input.comment?.trim().slice(0, COMMENT_MAX) || null;
      const secret = comment && secretIn(comment);
      if (secret) return refuse({ code: 'secret_found', what: secret, field: 'comment' });
      // A digest that is recomputed from the stored ask: an ask edited in the database cannot be approved.
      const digest = deps.authority.digest({ id: request.id, ...request.ask });
      if (digest !== request.digest) return refuse({ code: 'digest_mismatch' });
      const held =
        verdict === 'approve'
          ? heldToPolicy(deps.inventory, request, { requester, engagement }, now)
          : ok({ request, until: null });
      const reviewed = transition(
        held.ok ? held.value.request : request,
        { kind: 'review', reviewerId, digest: input.digest as Digest, verdict, comment },
        now,
      );
      if (!reviewed.ok) return reviewed;
      if (!held.ok) return held;
      if (verdict === 'approve') {
        // Locked: whatever ends the requester's access at this moment goes first, or finds the grant.
        const locked = await tx.persons.lock(request.ask.personId);
        const gone = whyNotActive(locked, now, deps.inventory.policy.doubt);
        if (gone || !isMember(engagement, request.ask.personId)) return refuse({ code: 'requester_gone' });
        const resting = whyItRests(engagement, now, deps.inventory.policy.doubt);
        if (resting) return refuse(resting);
        const { targets, scope, login } = request.ask;
        const outside = outsideOf(engagement, { targetIds: targets.map(({ id }) => id), scope: scope.name, login });
        if (outside) return refuse({ code: 'no_longer_allowed', why: outside });
        const [retired] = await tx.keys.retiredAmong(request.ask.keyFingerprints);
        if (retired) return refuse({ code: 'key_retired', fingerprint: retired });
      }
      await tx.requests.save(reviewed.value);
      const facts = { request: request.id, digest: request.digest, verdict };
      await tx.audit.append({ type: 'request_reviewed', at: now, actor: { kind: 'person', id: input.by }, facts });
      await refreshCards(tx, engagement, request.id);
      if (reviewed.value.status === 'approved') {
        const lastsUntil = Math.min(latestEnd(engagement, now).getTime(), held.value.until?.getTime() ?? Infinity);
        await createGrant(deps, tx, reviewed.value, { engagement, now, lastsUntil });
      }
      if (reviewed.value.status === 'denied') {
        await tx.audit.append({ type: 'request_denied', at: now, actor: { kind: 'person', id: input.by }, facts });
        const requester = directLane(request.ask.personId);
        await tx.outbox.enqueue({ kind: 'request_closed', requestId: request.id }, requester);
      }
      return reviewed;
    });

type Reviewing = {
  readonly request: AccessRequest;
  readonly engagement: Engagement;
  readonly reviewer: Person;
  readonly requester: Person;
};

async function refusalOf(
  deps: Deps,
  tx: Tx<FactParts>,
  { request, engagement, reviewer, requester }: Reviewing,
  now: Date,
): Promise<NotActive | ReviewRejection | null> {
  const { policy } = deps.inventory;
  const inactive = whyNotActive(reviewer, now, policy.doubt);
  if (inactive) return inactive;
  const rules = engagementRules(policy);
  const sponsor = await tx.persons.byId(engagement.sponsorId);
  if (!sponsor) return { code: 'unknown_request' };
  const members = await tx.persons.byIds(engagement.memberIds);
  const before = await tx.persons.byIds(request.reviews.map((review) => review.reviewerId));
  const facts = await reviewerFacts(tx, rules, reviewer);
  return mayNotReview(rules, { request, engagement }, facts, { requester, sponsor, members, before }, now);
}

/** Every copy of a review card shows the request's state. */
export async function refreshCards(tx: Tx<'outbox'>, engagement: Engagement, requestId: RequestId): Promise<void> {
  for (const to of engagement.reviewerIds) {
    await tx.outbox.enqueue({ kind: 'review_card_changed', requestId, to }, directLane(to));
  }
  await tx.outbox.enqueue({ kind: 'review_card_changed', requestId, to: null }, threadLane(engagement.id));
}

async function createGrant(
  deps: Deps,
  tx: Tx<'keys' | 'grants' | 'persons' | 'sessions' | 'audit' | 'outbox' | 'announce'>,
  request: AccessRequest,
  { engagement, now, lastsUntil }: { readonly engagement: Engagement; readonly now: Date; readonly lastsUntil: number },
): Promise<void> {
  const { ask } = request;
  const notAfter = Math.min(now.getTime() + ask.durationSeconds * 1000, lastsUntil);
  const terms: GrantTerms = {
    requestDigest: request.digest,
    engagementId: ask.engagementId,
    personId: ask.personId,
    targets: ask.targets,
    login: ask.login,
    scope: ask.scope,
    notBefore: now.toISOString(),
    notAfter: new Date(notAfter).toISOString(),
    keyFingerprints: ask.keyFingerprints,
  };
  const id = GrantId.parse(deps.random.uuid());
  const digest = deps.authority.digest(terms);
  const grant: Grant = {
    id,
    requestId: request.id,
    terms,
    digest,
    mac: deps.authority.seal(id, digest),
    end: null,
    expiredAt: null,
  };
  await tx.grants.insert(grant);
  const actor = { kind: 'daypass' } as const;
  const facts = { request: request.id, grant: id, digest, person: ask.personId };
  await tx.audit.append({ type: 'request_approved', at: now, actor, facts });
  await tx.audit.append({ type: 'grant_created', at: now, actor, facts: { ...facts, notAfter: terms.notAfter } });
  for (const fingerprint of ask.keyFingerprints) {
    const key = await tx.keys.byFingerprint(fingerprint);
    if (!key || key.personId !== ask.personId) throw new Error(`key ${fingerprint} no longer belongs to the requester`);
    const certificate = deps.authority.issueDownstream(key.publicKey, downstreamCertificate(grant));
    await tx.grants.insertCertificate(id, certificate);
    const issued = { grant: id, serial: certificate.serial, keyId: certificate.keyId, fingerprint };
    await tx.audit.append({ type: 'certificate_issued', at: now, actor, facts: issued });
  }
  await extendSessionsIn(tx, grant, now);
  await refreshBeside(tx, grant, now);
  await tx.outbox.enqueue({ kind: 'grant_issued', grantId: id }, directLane(ask.personId));
  await tx.outbox.enqueue({ kind: 'grant_announced', grantId: id }, threadLane(engagement.id));
  await tx.outbox.enqueue({ kind: 'engagement_updated', engagementId: engagement.id }, threadLane(engagement.id));
}
