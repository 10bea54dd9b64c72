import type { Engagement } from '../../access/engagement.ts';
import type { ReviewSignature } from '../../access/pledge.ts';
import type { NotActive, RejectionOf, RestingRejection, VerdictRejection } from '../../access/rejection.ts';
import { type AccessRequest, transition } from '../../access/request.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { approvalName, whyKeySignsNot } from '../../access/signing-key.ts';
import { type Held, heldToPolicy } from '../../access/standing-ask.ts';
import { tampered } from '../grants/believable.ts';
import type { ProofRejection, UserauthProof, VerifiedProof } from '../ports/authority.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store, Tx } from '../ports/store.ts';
import {
  conclude,
  grantable,
  type ReviewDeps,
  type Reviewing,
  type ReviewParts,
  reviewingOf,
  whyMayNotReview,
  withGoodSignatures,
} from './reviewing.ts';

/** What a signature is about to approve, for its signer to read. */
export type Approval = {
  /** As today's policy wants it reviewed. */
  readonly request: AccessRequest;
  readonly engagement: Engagement;
  readonly requesterName: string;
};

/** A login whose name approves a request, as the client signed it, and as it was verified. */
export type SignedLogin = { readonly proof: UserauthProof; readonly verified: VerifiedProof };

export type SignRefusal =
  | NotActive
  | RestingRejection
  | VerdictRejection
  | ProofRejection
  | RejectionOf<'key_retired' | 'unknown_key' | 'target_changed'>;

export type SignParts = ReviewParts | 'broken';
type Decided = { readonly reviewed: AccessRequest; readonly held: Held<AccessRequest>; readonly reviewing: Reviewing };

/** What the login would approve. Nothing is written: the person reads it first. */
export async function readApproval(
  deps: ReviewDeps,
  tx: Tx<SignParts>,
  login: SignedLogin,
  now: Date,
): Promise<Result<Approval, SignRefusal>> {
  const decided = await decide(deps, tx, login, now);
  if (!decided.ok) return decided;
  const { held, reviewing } = decided.value;
  const { engagement, requester } = reviewing;
  return ok({ request: held.request, engagement, requesterName: await tx.persons.name(requester.id) });
}

/**
 * Completes a reviewer's click with the signature that their key made: a login (RFC 4252 §7) whose name holds the digest of what is
 * approved. Everything that made the click good is looked at again.
 */
export const signReview =
  (given: ReviewDeps & { readonly store: Store<SignParts>; readonly clock: Clock }) =>
  (proof: UserauthProof): Promise<Result<AccessRequest, SignRefusal>> =>
    given.store.transaction(async (tx) => {
      const deps = { ...given, inventory: { ...given.inventory } };
      const now = deps.clock.now();
      const verified = deps.authority.verifyProof(proof, '', now);
      if (!verified.ok) return verified;
      const decided = await decide(deps, tx, { proof, verified: verified.value }, now);
      if (!decided.ok) return decided;
      const { reviewed, held, reviewing } = decided.value;
      await conclude(deps, tx, reviewed, { ...reviewing, until: held.until }, now);
      return ok(reviewed);
    });

async function decide(
  deps: ReviewDeps,
  tx: Tx<SignParts>,
  login: SignedLogin,
  now: Date,
): Promise<Result<Decided, SignRefusal>> {
  const { verified } = login;
  const { fingerprint } = verified;
  const owner = (await tx.keys.byFingerprint(fingerprint))?.personId;
  if (!owner) return refuse(tampered(tx) ?? { code: 'unknown_key', fingerprint });
  const waiting = await tx.requests.pledgedBy(owner);
  const named = waiting.find((request) => approvalName(request) === verified.userName);
  const reviewing = named ? await reviewingOf(tx, named.id, owner) : null;
  if (!reviewing) return refuse(tampered(tx) ?? { code: 'no_pledge' });
  const why = await whyMayNotReview(deps, tx, reviewing, now);
  if (why) return refuse(why);
  const granted = await grantable(deps, tx, reviewing, now);
  if (!granted.ok) return granted;
  const request = await withGoodSignatures(deps, tx, reviewing.request, now);
  const held = heldToPolicy(deps.inventory, request, reviewing, now);
  if (!held.ok) return held;
  // Read again behind the lock of its owner, who may be retiring it.
  const key = await tx.keys.byFingerprint(fingerprint);
  const unsigned = key ? whyKeySignsNot(key, held.value.request, now) : ({ code: 'unknown_key', fingerprint } as const);
  if (unsigned) return refuse(unsigned);
  const reviewerId = reviewing.reviewer.id;
  // Recomputed from the stored ask: one that was edited in the database is not what was signed.
  const digest = deps.authority.digest({ id: request.id, ...request.ask });
  const signature = signatureOf(login, now);
  const given = { kind: 'review', verdict: 'approve', comment: null, reviewerId, digest, signature } as const;
  const reviewed = transition(held.value.request, given, now);
  return reviewed.ok
    ? ok({ reviewed: reviewed.value, held: held.value, reviewing: { ...reviewing, engagement: granted.value } })
    : reviewed;
}

const signatureOf = ({ proof, verified }: SignedLogin, at: Date): ReviewSignature => ({
  ...{ fingerprint: verified.fingerprint, publicKey: verified.publicKey },
  ...{ signed: proof.signed, signature: proof.signature, at },
});
