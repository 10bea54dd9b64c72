import type { Digest, EngagementId, Fingerprint, GrantId, Login, PersonId, RequestId, TargetId } from './ids.ts';
import type { HasDemand } from './key-demand.ts';
import type { RejectionOf } from './rejection.ts';
import { ok, type Result, refuse } from './result.ts';
import { includesScope, type Scope, sameScope } from './scopes/scope.ts';
import { samePin, type TargetPin } from './target.ts';

/** What was approved, in full. The grant's digest is over exactly this, as RFC 8785 JSON with dates in ISO 8601. */
export type GrantTerms = {
  readonly requestDigest: Digest;
  readonly engagementId: EngagementId;
  readonly personId: PersonId;
  readonly targets: readonly TargetPin[];
  readonly login: Login;
  readonly scope: Scope;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly keyFingerprints: readonly Fingerprint[];
} & HasDemand;

export type GrantEnd = {
  readonly how: 'revoked' | 'returned';
  readonly at: Date;
  /** Null when an operator ended it on the command line. */
  readonly by: PersonId | null;
  readonly comment: string | null;
};

export type Grant = {
  readonly id: GrantId;
  readonly requestId: RequestId;
  readonly terms: GrantTerms;
  readonly digest: Digest;
  /** HMAC over id and digest with a key that the database does not hold. */
  readonly mac: string;
  readonly end: GrantEnd | null;
  /** When it was written down that it had run out: from then on it is over, wherever a clock is set to. */
  readonly expiredAt: Date | null;
  /** Set while no stored grant is believed: the database is not the one that control last wrote to. */
  readonly suspended?: true;
};

export const startsAt = (grant: Grant): Date => new Date(grant.terms.notBefore);
export const expiresAt = (grant: Grant): Date => new Date(grant.terms.notAfter);

/** How long it lasts if nobody ends it: less than what was asked for where its engagement, or hours of policy, end before. */
export const grantedMs = (grant: Grant): number => expiresAt(grant).getTime() - startsAt(grant).getTime();

export const hasExpired = (grant: Grant, now: Date): boolean => grant.expiredAt !== null || now >= expiresAt(grant);

export const isActive = (grant: Grant, now: Date): boolean => !grant.suspended && isRunning(grant, now);

/** Neither ended nor run out, though perhaps suspended. */
export const isRunning = (grant: Grant, now: Date): boolean =>
  grant.end === null && startsAt(grant) <= now && !hasExpired(grant, now);

export type AccessAsk = {
  readonly target: TargetPin;
  readonly login: Login;
  readonly fingerprint: Fingerprint;
  /** The grant that the certificate speaks for, where it speaks for one alone. */
  readonly certified: GrantId | null;
};

export type PickRefusal = RejectionOf<
  | 'no_live_grant'
  | 'grants_suspended'
  | 'grant_revoked'
  | 'grant_expired'
  | 'target_not_granted'
  | 'target_changed'
  | 'login_not_granted'
  | 'key_not_in_grant'
>;

/**
 * Among one person's grants a live one that allows this ask: with the scope of the one that the certificate names, or with one that
 * no other's is wider than; of these the one that ends latest. Otherwise the refusal that is nearest to what the person tried.
 */
export function pickGrant(grants: readonly Grant[], ask: AccessAsk, now: Date): Result<Grant, PickRefusal> {
  const live = grants.filter((grant) => isActive(grant, now));
  if (live.length === 0) return refuse(whyNoneIsLive(grants, now));
  const onTarget = live.filter((grant) => isOnTarget(grant, ask.target.id));
  if (onTarget.length === 0) {
    return refuse({ code: 'target_not_granted', targetId: ask.target.id, granted: grantedTargets(live) });
  }
  const pinned = onTarget.filter((grant) => isPinned(grant, ask.target));
  if (pinned.length === 0) return refuse({ code: 'target_changed', targetId: ask.target.id });
  const asLogin = pinned.filter((grant) => grant.terms.login === ask.login);
  const [nearest] = asLogin;
  if (!nearest) {
    const granted = [...new Set(pinned.map((grant) => grant.terms.login))];
    return refuse({ code: 'login_not_granted', login: ask.login, granted });
  }
  const withKey = asLogin.filter((grant) => grant.terms.keyFingerprints.includes(ask.fingerprint));
  if (withKey.length === 0) {
    return refuse({ code: 'key_not_in_grant', fingerprint: ask.fingerprint, grantId: nearest.id });
  }
  const fitting = withFittingScope(withKey, ask.certified);
  return ok(fitting.reduce((best, grant) => (expiresAt(grant) > expiresAt(best) ? grant : best)));
}

/** The logins that a person's live grants allow on a target with this key. */
export function loginsOn(
  grants: readonly Grant[],
  { targetId, fingerprint }: { readonly targetId: TargetId; readonly fingerprint: Fingerprint },
  now: Date,
): readonly Login[] {
  const allowing = grants.filter(
    (grant) => isActive(grant, now) && isOnTarget(grant, targetId) && grant.terms.keyFingerprints.includes(fingerprint),
  );
  return [...new Set(allowing.map((grant) => grant.terms.login))];
}

function withFittingScope(grants: readonly Grant[], certified: GrantId | null): readonly Grant[] {
  const named = grants.find((grant) => grant.id === certified);
  if (named) return grants.filter((grant) => sameScope(grant.terms.scope, named.terms.scope));
  const isWider = (a: Scope, b: Scope): boolean => includesScope(a, b) && !includesScope(b, a);
  return grants.filter((grant) => !grants.some((other) => isWider(other.terms.scope, grant.terms.scope)));
}

/** A session, by what was decided when it began. */
export type Running = {
  readonly personId: PersonId;
  readonly engagementId: EngagementId;
  readonly target: TargetPin;
  readonly login: Login;
  readonly fingerprint: Fingerprint;
  readonly scope: Scope;
};

/**
 * Whether a grant allows what runs already, just as it runs: then nobody has to connect again. Where users are to be verified at each
 * login, they connect again.
 */
export function goesOnUnder(grant: Grant, running: Running): boolean {
  const { terms } = grant;
  return (
    terms.keyDemand !== 'fido_verified' &&
    terms.personId === running.personId &&
    terms.engagementId === running.engagementId &&
    terms.login === running.login &&
    terms.keyFingerprints.includes(running.fingerprint) &&
    isPinned(grant, running.target) &&
    sameScope(terms.scope, running.scope)
  );
}

const isOnTarget = (grant: Grant, target: TargetId): boolean => grant.terms.targets.some((each) => each.id === target);

const isPinned = (grant: Grant, target: TargetPin): boolean =>
  grant.terms.targets.some((each) => samePin(each, target));

export const grantedTargets = (grants: readonly Grant[]): readonly TargetId[] => [
  ...new Set(grants.flatMap((grant) => grant.terms.targets.map((target) => target.id))),
];

function whyNoneIsLive(grants: readonly Grant[], now: Date): PickRefusal {
  const [latest] = [...grants].sort((a, b) => endedAt(b, now).getTime() - endedAt(a, now).getTime());
  if (!latest) return { code: 'no_live_grant' };
  if (grants.some((grant) => grant.suspended && isRunning(grant, now))) return { code: 'grants_suspended' };
  if (latest.end) return { code: 'grant_revoked', at: latest.end.at };
  if (hasExpired(latest, now)) return { code: 'grant_expired', at: expiresAt(latest) };
  return { code: 'no_live_grant' };
}

const endedAt = (grant: Grant, now: Date): Date => grant.end?.at ?? (hasExpired(grant, now) ? expiresAt(grant) : now);
