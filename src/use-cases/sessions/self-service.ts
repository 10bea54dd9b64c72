import { combinedCertificate, PRINCIPALS_MAX, withAuditHead } from '../../access/certificate.ts';
import { expiresAt, type Grant, isActive, isRunning } from '../../access/grant.ts';
import { type Fingerprint, type Login, type PersonId, short } from '../../access/ids.ts';
import { type RegisteredKey, whyNotActive } from '../../access/person.ts';
import type { NotActive, RejectionOf, RestingRejection } from '../../access/rejection.ts';
import { type AccessRequest, isExpired } from '../../access/request.ts';
import { engagementsOf, isBelievable, restingOf, tampered } from '../grants/believable.ts';
import { endGrant } from '../grants/end-grant.ts';
import type { EndingParts } from '../grants/ending.ts';
import type { CertificateAuthority } from '../ports/authority.ts';
import type { Clock } from '../ports/clock.ts';
import type { Inventory } from '../ports/inventory.ts';
import type { Store, Tx } from '../ports/store.ts';

export type SelfServiceDeps = {
  readonly store: Store<EndingParts | 'keys' | 'engagements' | 'requests' | 'broken'>;
  readonly clock: Clock;
  readonly inventory: Pick<Inventory, 'policy'>;
  readonly authority: Pick<CertificateAuthority, 'digest' | 'sealed' | 'issueDownstream'>;
};

/** Who logged in to the gateway itself, as the key says whose signature control verified. */
export type Caller = { readonly personId: PersonId; readonly fingerprint: Fingerprint };

export type SelfServiceAsk =
  | { readonly verb: 'list' }
  /** Null: one certificate for all that is granted. */
  | { readonly verb: 'cert'; readonly grant: string | null }
  | { readonly verb: 'end'; readonly which: { readonly grant: string | null } | 'all' }
  | { readonly verb: 'config' };

export type SelfServiceAnswer =
  | {
      readonly kind: 'list';
      readonly grants: readonly Grant[];
      readonly pending: readonly AccessRequest[];
      /** Why not all that was granted opens something at the moment. */
      readonly notes: readonly SelfServiceRefusal[];
      readonly at: Date;
    }
  | {
      readonly kind: 'certificate';
      /** `<type>-cert-v01@openssh.com <base64>`. */
      readonly line: string;
      /** Logins that one certificate has no room for. */
      readonly leftOut: readonly Login[];
    }
  | { readonly kind: 'ended'; readonly ended: readonly { readonly grant: Grant; readonly sessions: number }[] }
  /** `publicKey` is `<type> <base64>`, of the key that asked. */
  | { readonly kind: 'config'; readonly publicKey: string }
  | { readonly kind: 'refused'; readonly why: SelfServiceRefusal };

export type SelfServiceRefusal =
  | NotActive
  | RestingRejection
  | RejectionOf<'grants_suspended' | 'grant_tampered' | 'request_waits'>
  | { readonly code: 'key_removed' }
  | { readonly code: 'no_live_grant' }
  | { readonly code: 'key_in_no_grant' }
  | { readonly code: 'no_such_grant'; readonly given: string }
  | { readonly code: 'ambiguous_grant'; readonly given: string; readonly ids: readonly string[] }
  | { readonly code: 'which_grant'; readonly ids: readonly string[] }
  | { readonly code: 'already_ended' };

const refused = (why: SelfServiceRefusal): SelfServiceAnswer => ({ kind: 'refused', why });

/** What people may ask of the gateway itself, each time decided anew from what is stored. */
export const selfService =
  (deps: SelfServiceDeps) =>
  async (caller: Caller, ask: SelfServiceAsk): Promise<SelfServiceAnswer> => {
    if (ask.verb === 'end') return end(deps, caller, ask.which);
    return deps.store.transaction(async (tx) => {
      const now = deps.clock.now();
      const key = await keyOf(deps, tx, caller);
      if ('code' in key) return refused(key);
      const own = await ownGrants(deps, tx, caller, now);
      switch (ask.verb) {
        case 'list': {
          const { grants, notes } = own;
          return { kind: 'list', grants, pending: await waiting(tx, caller, now), notes, at: now };
        }
        case 'config':
          return { kind: 'config', publicKey: key.publicKey };
        case 'cert':
          return certify(deps, tx, { caller, publicKey: key.publicKey, own, now }, ask.grant);
      }
    });
  };

/** The registered key of an active person, both looked up again: a connection outlives what it was let in with. */
async function keyOf(
  { clock, inventory }: SelfServiceDeps,
  tx: Tx<'persons' | 'keys' | 'broken'>,
  { personId, fingerprint }: Caller,
): Promise<RegisteredKey | SelfServiceRefusal> {
  const inactive = whyNotActive(await tx.persons.byId(personId), clock.now(), inventory.policy.doubt);
  if (inactive) return inactive;
  const key = await tx.keys.byFingerprint(fingerprint);
  if (!key) return tampered(tx) ?? { code: 'key_removed' };
  return key.personId === personId && !key.retiredAt ? key : { code: 'key_removed' };
}

type Own = {
  /** Live, what ends first comes first. */
  readonly grants: readonly Grant[];
  /** Neither ended nor run out, whether or not they open anything at the moment. */
  readonly running: readonly Grant[];
  /** Why one of them opens nothing at the moment; null where it does. */
  readonly whyNot: (grant: Grant) => SelfServiceRefusal | null;
  readonly notes: readonly SelfServiceRefusal[];
};

async function ownGrants(
  deps: SelfServiceDeps,
  tx: Tx<'grants' | 'engagements'>,
  { personId }: Caller,
  now: Date,
): Promise<Own> {
  const running = (await tx.grants.ofPerson(personId))
    .filter((grant) => isRunning(grant, now))
    .sort((a, b) => expiresAt(a).getTime() - expiresAt(b).getTime());
  const resting = await restingOf(tx, engagementsOf(running), now, deps.inventory.policy.doubt);
  const believable = new Set(running.filter((grant) => isBelievable(deps.authority, grant)));
  const whyNot = (grant: Grant): SelfServiceRefusal | null => {
    if (!believable.has(grant)) return { code: 'grant_tampered', grantId: grant.id };
    if (!isActive(grant, now)) return { code: 'grants_suspended' };
    return resting.get(grant.terms.engagementId) ?? null;
  };
  const notes = new Map(running.flatMap((grant) => whyNot(grant) ?? []).map((why) => [JSON.stringify(why), why]));
  const grants = running.filter((grant) => believable.has(grant) && isActive(grant, now));
  return { grants, running, whyNot, notes: [...notes.values()] };
}

const waiting = async (tx: Tx<'requests'>, { personId }: Caller, now: Date): Promise<AccessRequest[]> =>
  (await tx.requests.pendingOf(personId)).filter((each) => !isExpired(each, now));

const loginsOf = (grants: readonly Grant[]): Login[] => [...new Set(grants.map((grant) => grant.terms.login))];

/** The least of an id that names a grant. */
const NAME_MIN = 4;
const IDS_MAX = 20;

/** The one grant that `given` is the beginning of; without a name, the only one there is. */
function named(grants: readonly Grant[], given: string | null): Grant | SelfServiceRefusal {
  if (grants.length === 0) return { code: 'no_live_grant' };
  const idsOf = (some: readonly Grant[]): string[] => some.slice(0, IDS_MAX).map((grant) => short(grant.id));
  const name = given?.toLowerCase() ?? '';
  if (given !== null && name.length < NAME_MIN) return { code: 'no_such_grant', given };
  const [first, ...more] = grants.filter((grant) => grant.id.startsWith(name));
  if (!first) return { code: 'no_such_grant', given: given ?? '' };
  if (more.length === 0) return first;
  if (given === null) return { code: 'which_grant', ids: idsOf(grants) };
  // Ids whose first eight characters agree are told apart by more of them.
  return { code: 'ambiguous_grant', given, ids: [first, ...more].slice(0, IDS_MAX).map((grant) => grant.id) };
}

type Certifying = {
  readonly caller: Caller;
  readonly publicKey: string;
  readonly own: Own;
  readonly now: Date;
};

async function certify(
  deps: SelfServiceDeps,
  tx: Tx<'grants' | 'requests' | 'audit'>,
  { caller, publicKey, own, now }: Certifying,
  given: string | null,
): Promise<SelfServiceAnswer> {
  const only = given === null ? null : named(own.running, given);
  if (only && 'code' in only) return refused(only);
  if (own.running.length === 0) {
    const [pending] = await waiting(tx, caller, now);
    return refused(pending ? { code: 'request_waits', requestId: pending.id } : { code: 'no_live_grant' });
  }
  const meant = only ? [only] : own.running;
  const withKey = meant.filter((grant) => grant.terms.keyFingerprints.includes(caller.fingerprint));
  const wanted = withKey.filter((grant) => own.whyNot(grant) === null);
  const [single, ...others] = wanted;
  if (!single) {
    // A key that opens nothing at the moment is nevertheless part of what does not.
    const [why] = (withKey.length > 0 ? withKey : meant).flatMap((grant) => own.whyNot(grant) ?? []);
    return refused(withKey.length > 0 && why ? why : { code: 'key_in_no_grant' });
  }
  const ofThisKey = async (grant: Grant, prefix: string) =>
    (await tx.grants.certificates(grant.id)).findLast(
      (each) => each.fingerprint === caller.fingerprint && each.keyId.startsWith(prefix),
    );
  // A revocation that is being written at this moment goes first, or waits; and nothing is signed or shown for what was changed.
  const stands = async ({ id, digest }: Grant): Promise<boolean> => {
    const locked = await tx.grants.lock(id);
    return locked?.digest === digest && isBelievable(deps.authority, locked) && isActive(locked, now);
  };
  if (others.length === 0) {
    if (!(await stands(single))) return refused({ code: 'already_ended' });
    const own = await ofThisKey(single, `daypass:${single.id}:`);
    if (own) return { kind: 'certificate', line: own.certificate, leftOut: [] };
  }
  // What ends last stays longest in the set, so the certificate changes least often.
  const logins = loginsOf(wanted.toReversed());
  const kept = logins.slice(0, PRINCIPALS_MAX);
  const covered = wanted.filter((grant) => kept.includes(grant.terms.login)).sort((a, b) => (a.id < b.id ? -1 : 1));
  const [anchor] = covered;
  if (!anchor) throw new Error('a certificate for no grant');
  // Two connections at once get the same certificate.
  for (const each of covered) if (!(await stands(each))) return refused({ code: 'already_ended' });
  const set = deps.authority.digest(covered.map(({ id, digest }) => ({ id, digest })));
  const spec = combinedCertificate(caller.personId, covered, set);
  const leftOut = logins.slice(PRINCIPALS_MAX);
  const stored = await ofThisKey(anchor, spec.keyId);
  if (stored) return { kind: 'certificate', line: stored.certificate, leftOut };
  const issued = deps.authority.issueDownstream(publicKey, withAuditHead(spec, await tx.audit.head()));
  await tx.grants.insertCertificate(anchor.id, issued);
  await tx.audit.append({
    type: 'certificate_issued',
    at: now,
    actor: { kind: 'person', id: caller.personId },
    facts: {
      ...{ grant: anchor.id, grants: covered.map((grant) => grant.id) },
      ...{ serial: issued.serial, keyId: issued.keyId, fingerprint: caller.fingerprint },
    },
  });
  return { kind: 'certificate', line: issued.certificate, leftOut };
}

async function end(
  deps: SelfServiceDeps,
  caller: Caller,
  which: Extract<SelfServiceAsk, { verb: 'end' }>['which'],
): Promise<SelfServiceAnswer> {
  const found = await deps.store.transaction(async (tx) => {
    const key = await keyOf(deps, tx, caller);
    if ('code' in key) return refused(key);
    const { grants, notes } = await ownGrants(deps, tx, caller, deps.clock.now());
    if (grants.length === 0) return refused(notes[0] ?? { code: 'no_live_grant' });
    if (which === 'all') return withSessions(tx, grants);
    const grant = named(grants, which.grant);
    return 'code' in grant ? refused(grant) : withSessions(tx, [grant]);
  });
  if ('kind' in found) return found;
  const ended: { grant: Grant; sessions: number }[] = [];
  for (const { grant, sessions } of found) {
    const done = await endGrant(deps)({ by: caller.personId, grantId: grant.id, comment: null, isSecurity: false });
    if (done.ok) ended.push({ grant: done.value.grant, sessions });
  }
  return ended.length > 0 ? { kind: 'ended', ended } : refused({ code: 'already_ended' });
}

const withSessions = async (tx: Tx<'sessions'>, grants: readonly Grant[]) =>
  Promise.all(grants.map(async (grant) => ({ grant, sessions: (await tx.sessions.liveOfGrant(grant.id)).length })));
