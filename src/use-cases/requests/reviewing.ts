import { type Engagement, isMember, outsideOf, whyItRests } from '../../access/engagement.ts';
import type { PersonId, RequestId } from '../../access/ids.ts';
import { type Person, whyNotActive } from '../../access/person.ts';
import { engagementRules } from '../../access/policy.ts';
import type { NotActive, RejectionOf, RestingRejection, VerdictRejection } from '../../access/rejection.ts';
import type { AccessRequest, Review } from '../../access/request.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { mayNotReview } from '../../access/review.ts';
import { approvalName } from '../../access/signing-key.ts';
import { type FactParts, reviewerFacts } from '../engagements/reviewer-facts.ts';
import { directLane, threadLane } from '../notice.ts';
import type { CertificateAuthority } from '../ports/authority.ts';
import type { Inventory } from '../ports/inventory.ts';
import type { RandomSource } from '../ports/random.ts';
import type { Tx } from '../ports/store.ts';
import { createGrant } from './create-grant.ts';

/** What a review is made of, whether a click completes it or a signature. */
export type ReviewDeps = {
  readonly random: RandomSource;
  readonly inventory: Inventory;
  readonly authority: Pick<CertificateAuthority, 'digest' | 'seal' | 'issueDownstream' | 'verifyProof'>;
};
export type ReviewParts = FactParts | 'keys' | 'requests' | 'grants' | 'sessions' | 'audit' | 'outbox' | 'announce';

export type Reviewing = {
  readonly request: AccessRequest;
  readonly engagement: Engagement;
  readonly reviewer: Person;
  readonly requester: Person;
};

/** Locks the request; null where something of it is missing. */
export async function reviewingOf(
  tx: Tx<'requests' | 'engagements' | 'persons'>,
  requestId: RequestId,
  by: PersonId,
): Promise<Reviewing | null> {
  const request = await tx.requests.lock(requestId);
  const engagement = request && (await tx.engagements.byId(request.ask.engagementId));
  const reviewer = await tx.persons.byId(by);
  const requester = request && (await tx.persons.byId(request.ask.personId));
  return request && engagement && reviewer && requester ? { request, engagement, reviewer, requester } : null;
}

/** Whether this person may review this request at this moment; the refusal, or null. */
export async function whyMayNotReview(
  { inventory: { policy } }: { readonly inventory: Pick<Inventory, 'policy'> },
  tx: Tx<FactParts>,
  { request, engagement, reviewer, requester }: Reviewing,
  now: Date,
): Promise<NotActive | VerdictRejection | null> {
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

/**
 * The engagement in which access can be granted to who asked, or why it cannot. Reviewer, requester and engagement are locked, always in
 * one order: whatever ends access at this moment, retires a key, or changes or closes the engagement goes first, or finds the grant.
 */
export async function grantable(
  { inventory: { policy } }: ReviewDeps,
  tx: Tx<'persons' | 'keys' | 'engagements'>,
  { request, engagement: read, reviewer, requester }: Reviewing,
  now: Date,
): Promise<Result<Engagement, RestingRejection | RejectionOf<'requester_gone' | 'no_longer_allowed' | 'key_retired'>>> {
  const people = new Map<PersonId, Person | null>();
  for (const id of [reviewer.id, requester.id].sort()) people.set(id, await tx.persons.lock(id));
  const gone = whyNotActive(people.get(requester.id) ?? null, now, policy.doubt);
  const engagement = await tx.engagements.lock(read.id);
  if (!engagement) return refuse({ code: 'record_tampered', what: 'engagement', id: read.id });
  if (gone || !isMember(engagement, requester.id)) return refuse({ code: 'requester_gone' });
  const resting = whyItRests(engagement, now, policy.doubt);
  if (resting) return refuse(resting);
  const { targets, scope, login } = request.ask;
  const outside = outsideOf(engagement, { targetIds: targets.map(({ id }) => id), scope: scope.name, login });
  if (outside) return refuse({ code: 'no_longer_allowed', why: outside });
  const [retired] = await tx.keys.retiredAmong(request.ask.keyFingerprints);
  return retired ? refuse({ code: 'key_retired', fingerprint: retired }) : ok(engagement);
}

/**
 * The request with those signatures only that hold: each is verified again over what is stored, by a key that is still its reviewer's
 * and was when access was asked for. Without its signature an approval is a click, and counts as one.
 */
export async function withGoodSignatures<Request extends AccessRequest>(
  deps: Pick<ReviewDeps, 'authority'>,
  tx: Tx<'keys'>,
  request: Request,
  now: Date,
): Promise<Request> {
  const reviews: Review[] = [];
  for (const review of request.reviews) {
    const { signature, ...click } = review;
    reviews.push(signature && !(await holds(deps, tx, request, review, now)) ? click : review);
  }
  return { ...request, reviews };
}

async function holds(
  { authority }: Pick<ReviewDeps, 'authority'>,
  tx: Tx<'keys'>,
  request: AccessRequest,
  { reviewerId, signature }: Review,
  now: Date,
): Promise<boolean> {
  if (!signature) return false;
  // A plain key's proof says nothing about where it came from.
  const proof = authority.verifyProof(signature, '', now);
  if (!proof.ok || proof.value.userName !== approvalName(request)) return false;
  const { fingerprint, publicKey } = proof.value;
  if (fingerprint !== signature.fingerprint || publicKey !== signature.publicKey) return false;
  const key = await tx.keys.byFingerprint(fingerprint);
  return key?.personId === reviewerId && key.retiredAt === null && key.registeredAt < request.requestedAt;
}

/** Every copy of a review card shows the request's state. */
export async function refreshCards(tx: Tx<'outbox'>, engagement: Engagement, requestId: RequestId): Promise<void> {
  for (const to of engagement.reviewerIds) {
    await tx.outbox.enqueue({ kind: 'review_card_changed', requestId, to }, directLane(to));
  }
  await tx.outbox.enqueue({ kind: 'review_card_changed', requestId, to: null }, threadLane(engagement.id));
}

/** Writes a review down that counts, and what follows from it. `until` is when the hours of policy end. */
export async function conclude(
  deps: ReviewDeps,
  tx: Tx<ReviewParts>,
  reviewed: AccessRequest,
  { engagement, reviewer, until }: Pick<Reviewing, 'engagement' | 'reviewer'> & { readonly until: Date | null },
  now: Date,
): Promise<void> {
  const { id, digest, ask, status } = reviewed;
  await tx.requests.save(reviewed);
  const given = reviewed.reviews.find((each) => each.reviewerId === reviewer.id);
  const key = given?.signature?.fingerprint;
  const actor = { kind: 'person', id: reviewer.id } as const;
  const facts = { request: id, digest, verdict: given?.verdict ?? null, ...(key && { key }) };
  await tx.audit.append({ type: 'request_reviewed', at: now, actor, facts });
  await refreshCards(tx, engagement, id);
  if (status === 'approved') await createGrant(deps, tx, reviewed, { engagement, until }, now);
  if (status !== 'denied') return;
  await tx.audit.append({ type: 'request_denied', at: now, actor, facts });
  await tx.outbox.enqueue({ kind: 'request_closed', requestId: id }, directLane(ask.personId));
}
