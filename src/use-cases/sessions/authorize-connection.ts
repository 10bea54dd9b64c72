import { grantOfKeyId, upstreamCertificate } from '../../access/certificate.ts';
import { type Grant, isActive } from '../../access/grant.ts';
import { type Fingerprint, Login, type PersonId, SessionId } from '../../access/ids.ts';
import { type Person, whyNotActive } from '../../access/person.ts';
import type { RejectionOf } from '../../access/rejection.ts';
import { isExpired } from '../../access/request.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { JUMP_USER, REGISTER_PREFIX } from '../../access/route.ts';
import { BURST_MINUTES, NO_RECORDING, type Session } from '../../access/session.ts';
import { isApprovalName } from '../../access/signing-key.ts';
import { pin } from '../../access/target.ts';
import { engagementsOf, isBelievable, restingOf, tampered } from '../grants/believable.ts';
import { registerKey } from '../people/register-key.ts';
import type { CertificateAuthority, VerifiedProof } from '../ports/authority.ts';
import type { Clock } from '../ports/clock.ts';
import type { Inventory } from '../ports/inventory.ts';
import type { RandomSource } from '../ports/random.ts';
import type { Store, Tx } from '../ports/store.ts';
import { readApproval, type SignParts } from '../requests/sign-review.ts';
import type { Authorization, AuthorizeAsk, ConnectionRefusal, ConnectionRejection } from './gateway-control.ts';
import { awake, nameOfSession, type Opening, pickAwake, whyNot } from './opening.ts';
import { PLAIN_LOGINS_PER_DAY } from './plain-logins.ts';

export type AuthorizeDeps = {
  readonly store: Store<SignParts>;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly inventory: Inventory;
  readonly authority: CertificateAuthority;
  /** The gateway's address as targets see it; null where it cannot be known, as behind NAT. */
  readonly sourceAddress: string | null;
  readonly outer: OuterConnections;
  /** Live sessions with one grant on one target. */
  readonly connectionsPerGrant: number;
  readonly refused: (refusal: ConnectionRefusal) => void;
  /** Whether this key may log in with nothing but itself once more today. */
  readonly plainLogins: (fingerprint: Fingerprint, now: Date) => boolean;
};

/** Jump connections that were let in, by their SSH session id: what an inner connection may lean on. */
export type OuterConnections = {
  remember(sshSessionId: string, outer: { readonly personId: Person['id']; readonly remoteAddress: string }): void;
  find(sshSessionId: string): { readonly personId: Person['id']; readonly remoteAddress: string } | null;
};

/** The last year that the store takes. */
const FOR_GOOD = new Date('9999-12-01T00:00:00Z');
/** How long one may ask the gateway after logging in to it. */
const SELF_SERVICE_MS = 10 * 60_000;

/** Decides what a connection that proved a key may do. Everything is read from the proof, nothing from the worker's word. */
export const authorizeConnection =
  (given: AuthorizeDeps) =>
  async (ask: AuthorizeAsk): Promise<Result<Authorization, ConnectionRejection>> => {
    const deps = { ...given, inventory: { ...given.inventory } };
    let fingerprint: Fingerprint | null = null;
    const decided = await decide(deps, ask, (proof) => {
      fingerprint = proof.fingerprint;
    });
    if (!decided.ok) deps.refused({ address: ask.remoteAddress, reason: decided.rejection.code, fingerprint });
    return decided;
  };

async function decide(
  deps: AuthorizeDeps,
  ask: AuthorizeAsk,
  verified: (proof: VerifiedProof) => void,
): Promise<Result<Authorization, ConnectionRejection>> {
  const now = deps.clock.now();
  const { route } = ask;
  const outer = route.kind === 'inner' ? deps.outer.find(route.outerSshSessionId) : null;
  if (route.kind === 'inner' && !outer)
    return refuse({ code: 'proof_invalid', why: 'it did not come through a known jump connection' });
  // The certificate's source-address speaks of where the person is: inside a jump, that is the outer connection's peer.
  const remoteAddress = outer?.remoteAddress ?? ask.remoteAddress;
  const proof = deps.authority.verifyProof(ask.proof, remoteAddress, now);
  if (!proof.ok) return proof;
  verified(proof.value);
  if (route.kind === 'direct' && proof.value.userName.startsWith(REGISTER_PREFIX)) {
    return register(deps, proof.value);
  }
  const { certificate } = proof.value;
  const isApproval = route.kind === 'direct' && isApprovalName(proof.value.userName);
  // Its signature is kept as evidence, and a certificate runs out.
  if (certificate && isApproval)
    return refuse({ code: 'proof_invalid', why: 'approvals are signed with the plain key, without a certificate' });
  // A registered key alone leads to the gateway itself; the connection inside a jump shows a certificate.
  if (!certificate && route.kind !== 'jump' && !isApproval)
    return refuse({ code: 'proof_invalid', why: 'it needs a certificate, and your client sent a plain key' });
  // Nothing in a plain key's proof expires, so it is remembered forever.
  const rememberUntil = certificate?.validBefore ?? FOR_GOOD;

  return deps.store.transaction(async (tx) => {
    const key = await tx.keys.byFingerprint(proof.value.fingerprint);
    // Strangers make keys and proofs by the million: nothing is written for them.
    if (!key) return refuse(tampered(tx) ?? { code: 'unknown_key', fingerprint: proof.value.fingerprint });
    if (!certificate && !deps.plainLogins(key.fingerprint, now))
      return refuse({ code: 'too_many_logins', max: PLAIN_LOGINS_PER_DAY });
    return once(tx, proof.value, rememberUntil, async () => {
      if (key.retiredAt) return refuse({ code: 'key_retired', fingerprint: key.fingerprint });
      const person = await tx.persons.byId(key.personId);
      const inactive = whyNotActive(person, now, deps.inventory.policy.doubt);
      if (inactive || !person) return refuse(inactive ?? { code: 'person_inactive' });
      if (isApproval) {
        const read = await readApproval(deps, tx, { proof: ask.proof, verified: proof.value }, now);
        if (!read.ok) return read;
        return ok({ kind: 'approval', sshSessionId: proof.value.sshSessionId, approval: read.value });
      }
      if (outer && outer.personId !== person.id)
        return refuse({ code: 'proof_invalid', why: 'the jump connection belongs to another person' });
      const grants = await believableGrants(deps, tx, person);
      if (!grants.ok) return grants;
      const active = grants.value.filter((grant) => isActive(grant, now));
      const resting = await restingOf(tx, engagementsOf(active), now, deps.inventory.policy.doubt);
      const who = { proof: proof.value, person, grants: grants.value, resting, now };
      const decided =
        route.kind === 'jump'
          ? enterJump(deps, { ask, ...who })
          : await openSession(deps, tx, { ask: { ...ask, remoteAddress }, ...who });
      return orWaits(tx, person.id, decided, now);
    });
  });
}

/**
 * One login is accepted on an SSH session, and each signed login is decided once: a worker that kept one gets nothing by it, neither
 * after another was accepted nor when more is granted than when it was refused. A client that tries several keys on one connection
 * signs anew for each, and each is decided. Two at once wait for each other at the row of the session. What stays is one row: of the
 * session, which every login on it names, or of the login that was refused.
 */
async function once(
  tx: Tx<'sessions'>,
  { sshSessionId, digest }: VerifiedProof,
  until: Date,
  decideNow: () => Promise<Result<Authorization, ConnectionRejection>>,
): Promise<Result<Authorization, ConnectionRejection>> {
  if (!(await tx.sessions.acceptSshSessionId(sshSessionId, until))) return refuse({ code: 'proof_replayed' });
  const isFresh = await tx.sessions.acceptSshSessionId(digest, until);
  const decided: Result<Authorization, ConnectionRejection> = isFresh
    ? await decideNow()
    : refuse({ code: 'proof_replayed' });
  await tx.sessions.releaseSshSessionId(decided.ok ? digest : sshSessionId);
  return decided;
}

/** A code is good once, and so is a proof that names one: nothing else has to be remembered, least of all for who guesses. */
async function register(
  deps: AuthorizeDeps,
  proof: VerifiedProof,
): Promise<Result<Authorization, ConnectionRejection>> {
  const code = proof.userName.slice(REGISTER_PREFIX.length).toLowerCase();
  const key = await registerKey(deps)({ proof, code });
  if (!key.ok) return key;
  return ok({ kind: 'registered', fingerprint: key.value.fingerprint });
}

/** A grant whose terms, digest and MAC do not agree was not made by a decision: it counts for nothing. */
async function believableGrants(
  deps: AuthorizeDeps,
  tx: Tx<'grants'>,
  person: Person,
): Promise<Result<Grant[], RejectionOf<'grant_tampered'>>> {
  const stored = await tx.grants.ofPerson(person.id);
  const believable = stored.filter((grant) => isBelievable(deps.authority, grant));
  const [tampered] = stored.filter((grant) => !believable.includes(grant));
  if (tampered && believable.length === 0) return refuse({ code: 'grant_tampered', grantId: tampered.id });
  return ok(believable);
}

const ABSENT: ReadonlySet<ConnectionRejection['code']> = new Set(['no_live_grant', 'grant_expired', 'grant_revoked']);

/** Who has asked already is not told to ask. */
async function orWaits(
  tx: Tx<'requests'>,
  personId: PersonId,
  decided: Result<Authorization, ConnectionRejection>,
  now: Date,
): Promise<Result<Authorization, ConnectionRejection>> {
  const why = !decided.ok ? decided.rejection : decided.value.kind === 'jump' ? decided.value.noTargets : null;
  if (!why || !ABSENT.has(why.code)) return decided;
  const pending = (await tx.requests.pendingOf(personId)).find((each) => !isExpired(each, now));
  if (!pending) return decided;
  const waits = { code: 'request_waits', requestId: pending.id } as const;
  return decided.ok && decided.value.kind === 'jump' ? ok({ ...decided.value, noTargets: waits }) : refuse(waits);
}

function enterJump(deps: AuthorizeDeps, opening: Opening): Result<Authorization, ConnectionRejection> {
  const { ask, proof, person, resting, now } = opening;
  if (proof.userName !== JUMP_USER) return refuse({ code: 'bad_login_name', given: proof.userName });
  const live = awake(opening);
  const ends = Math.max(...live.map((grant) => Date.parse(grant.terms.notAfter)));
  const caller = { sshSessionId: proof.sshSessionId, personId: person.id, fingerprint: proof.fingerprint };
  const [rests] = resting.values();
  const why = live.length === 0 ? (rests ?? whyNot(opening, deps.inventory.targets)) : null;
  // Without a grant it leads nowhere, but one may still ask the gateway what one has.
  if (why) {
    const endsAt = new Date(now.getTime() + SELF_SERVICE_MS);
    return ok({ kind: 'jump', ...{ caller, endsAt }, targetIds: [], noTargets: why });
  }
  deps.outer.remember(proof.sshSessionId, { personId: person.id, remoteAddress: ask.remoteAddress });
  const targetIds = deps.inventory.targets.map((target) => target.id);
  return ok({ kind: 'jump', caller, endsAt: new Date(ends), targetIds, noTargets: null });
}

async function openSession(
  deps: AuthorizeDeps,
  tx: Tx<'grants' | 'sessions'>,
  opening: Opening,
): Promise<Result<Authorization, ConnectionRejection>> {
  const { ask, proof, person, now } = opening;
  const named = nameOfSession(deps.inventory, opening);
  if (!named.ok) return named;
  const { target, login } = named.value;
  if (!proof.certificate?.principals.includes(login)) {
    const granted = (proof.certificate?.principals ?? []).flatMap((each) => Login.safeParse(each).data ?? []);
    return refuse({ code: 'login_not_granted', login, granted });
  }
  const certified = grantOfKeyId(proof.certificate.keyId);
  const picked = pickAwake(opening, { target: pin(target), login, fingerprint: proof.fingerprint, certified });
  if (!picked.ok) return picked;
  // A revocation that is being written at this moment goes first, or waits and then finds the session.
  const grant = await tx.grants.lock(picked.value.id);
  if (!grant || !isBelievable(deps.authority, grant))
    return refuse({ code: 'grant_tampered', grantId: picked.value.id });
  if (!isActive(grant, now)) return refuse({ code: 'grant_revoked', at: grant.end?.at ?? now });
  // Its certificate says so too, but another grant's may lead here.
  if (grant.terms.keyDemand === 'fido_verified' && !proof.isUserVerified) return refuse({ code: 'user_not_verified' });
  const { connectionsPerGrant: max } = deps;
  const live = (await tx.sessions.liveOfGrant(grant.id)).filter((session) => session.targetId === target.id);
  if (live.length >= max) return refuse({ code: 'too_many_sessions', targetId: target.id, max });
  if (!ask.sessionKey) return refuse({ code: 'proof_invalid', why: 'the gateway made no session key' });

  const id = SessionId.parse(deps.random.uuid());
  const spec = upstreamCertificate(grant, { id, targetId: target.id, sourceAddress: deps.sourceAddress }, now);
  const certificate = deps.authority.issueUpstream(ask.sessionKey, spec);
  await tx.grants.insertCertificate(grant.id, certificate);
  const session: Session = {
    id,
    grantId: grant.id,
    grantDigest: grant.digest,
    engagementId: grant.terms.engagementId,
    personId: person.id,
    targetId: target.id,
    login,
    via: ask.route.kind === 'inner' ? 'jump' : 'direct',
    keyFingerprint: proof.fingerprint,
    clientAddress: ask.remoteAddress,
    startedAt: now,
    ended: null,
    recording: NO_RECORDING,
  };
  const since = new Date(now.getTime() - BURST_MINUTES * 60_000);
  await tx.sessions.insert(session, (await tx.sessions.openBurst(grant.id, target.id, since)) ?? id);
  const { grantId, grantDigest, engagementId, personId, keyFingerprint, targetId } = session;
  return ok({
    kind: 'session',
    session: {
      ...{ id, grantId, grantDigest, engagementId, personId, keyFingerprint, targetId, login },
      targetName: target.name,
      address: target.address,
      port: target.port,
      hostKeys: target.host_keys,
      algorithms: target.algorithms ?? 'default',
      scope: grant.terms.scope,
      endsAt: new Date(grant.terms.notAfter),
      certificate: certificate.certificate,
    },
  });
}
