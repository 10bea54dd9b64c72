import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { downstreamCertificate, upstreamCertificate } from '../../../src/access/certificate.ts';
import { type Grant, grantedTargets, isActive, pickGrant } from '../../../src/access/grant.ts';
import { type Fingerprint, GrantId, Login, RequestId, SessionId } from '../../../src/access/ids.ts';
import type { RegistryEntry } from '../../../src/access/registry-entry.ts';
import { ok, type Result, refuse } from '../../../src/access/result.ts';
import type { Scope } from '../../../src/access/scopes/scope.ts';
import type { SessionEnding } from '../../../src/access/session.ts';
import type { SessionReport } from '../../../src/access/session-report.ts';
import { pin, type Target, targetIdFromName } from '../../../src/access/target.ts';
import { codeDigest } from '../../../src/use-cases/people/issue-registration-code.ts';
import type { CertificateAuthority, VerifiedProof } from '../../../src/use-cases/ports/authority.ts';
import type {
  Authorization,
  AuthorizeAsk,
  ConnectionRefusal,
  ConnectionRejection,
  GatewayControl,
  RegistryFeed,
} from '../../../src/use-cases/sessions/gateway-control.ts';
import type { Caller, SelfServiceAnswer, SelfServiceAsk } from '../../../src/use-cases/sessions/self-service.ts';
import { digest, engagementId, personId, requestId } from '../samples/samples.ts';

/** Control as the gateway sees it: the real authority, one person, and grants that live in memory. */

export type Asked = { readonly ask: AuthorizeAsk; readonly proof: VerifiedProof };
export type Closed = { readonly id: SessionId; readonly report: SessionReport; readonly atMs: number };

const SITE = 'test';

export class TestControl implements GatewayControl {
  readonly authority: CertificateAuthority;
  readonly targets: Target[] = [];
  readonly grants: Grant[] = [];
  /** Every session that was let in, and which of them came as far as a target. */
  readonly sessions: SessionId[] = [];
  readonly opened_: SessionId[] = [];
  /** Where their recordings begin. */
  readonly heads = new Map<SessionId, string>();
  readonly closed_: Closed[] = [];
  readonly rejections: ConnectionRejection[] = [];
  /** What workers turned away by themselves. */
  readonly refusals: ConnectionRefusal[] = [];
  /** What was asked of the gateway itself, and by whom. */
  readonly asks: { readonly caller: Caller; readonly ask: SelfServiceAsk }[] = [];
  readonly code = 'abcd-efgh';
  readonly registered: string[] = [];
  sourceAddress: string | null = '127.0.0.1';
  readonly #events = new EventEmitter().setMaxListeners(100);
  readonly #registered: RegistryEntry[];
  readonly #accepted = new Set<string>();
  readonly #outer = new Map<string, string>();

  constructor(authority: CertificateAuthority) {
    this.authority = authority;
    const digest = codeDigest(authority, this.code);
    this.#registered = [{ kind: 'code', digest, until: Date.now() + 3_600_000 }];
  }

  /** A grant for a key, and the certificate that its person is sent. */
  grant(options: {
    readonly fingerprint: Fingerprint;
    readonly publicKey: string;
    readonly login: string;
    readonly scope: Scope;
    readonly seconds?: number;
    readonly targets?: readonly Target[];
  }): { readonly grant: Grant; readonly certificate: string } {
    const now = Date.now();
    const terms: Grant['terms'] = {
      requestDigest: digest(1),
      engagementId: engagementId(1),
      personId: personId(1),
      targets: (options.targets ?? this.targets).map(pin),
      login: Login.parse(options.login),
      scope: options.scope,
      notBefore: new Date(now - 1_000).toISOString(),
      notAfter: new Date(now + (options.seconds ?? 3_600) * 1000).toISOString(),
      keyFingerprints: [options.fingerprint],
    };
    const id = GrantId.parse(randomUUID());
    const of = this.authority.digest(terms);
    const grant: Grant = {
      ...{ id, terms, digest: of, end: null, expiredAt: null },
      requestId: RequestId.parse(requestId(1)),
      mac: this.authority.seal(id, of),
    };
    this.grants.push(grant);
    this.register({ kind: 'key', fingerprint: options.fingerprint, isRetired: false });
    const { certificate } = this.authority.issueDownstream(options.publicKey, downstreamCertificate(grant));
    return { grant, certificate };
  }

  async authorize(ask: AuthorizeAsk): Promise<Result<Authorization, ConnectionRejection>> {
    const decided = this.#decide(ask);
    if (!decided.ok) this.rejections.push(decided.rejection);
    this.#events.emit('authorized');
    return decided;
  }

  /** The key of each grant, and the code. */
  readonly registry: RegistryFeed = {
    all: async () => this.#registered,
    follow: (listener) => {
      this.#events.on('registered', listener);
      return () => void this.#events.off('registered', listener);
    },
  };

  register(entry: RegistryEntry): void {
    this.#registered.push(entry);
    this.#events.emit('registered', entry);
  }

  async serve(caller: Caller, ask: SelfServiceAsk): Promise<SelfServiceAnswer> {
    this.asks.push({ caller, ask });
    const now = new Date();
    return {
      kind: 'list',
      grants: this.grants.filter((grant) => isActive(grant, now)),
      pending: [],
      notes: [],
      at: now,
    };
  }

  refused(refusal: ConnectionRefusal): void {
    this.refusals.push(refusal);
    this.#events.emit('refused');
  }

  async opened(id: SessionId, head: string | null): Promise<void> {
    this.opened_.push(id);
    if (head !== null) this.heads.set(id, head);
    this.#events.emit('opened');
  }

  async closed(id: SessionId, report: SessionReport): Promise<void> {
    this.closed_.push({ id, report, atMs: performance.now() });
    this.#events.emit('closed');
  }

  /** Resolves with what is reported of this session. */
  async closing(id: SessionId): Promise<Closed> {
    for (;;) {
      const found = this.closed_.find((each) => each.id === id);
      if (found) return found;
      await once(this.#events, 'closed', { signal: AbortSignal.timeout(60_000) });
    }
  }

  async endingOf(id: SessionId): Promise<SessionEnding> {
    return (await this.closing(id)).report.ending;
  }

  /** The n-th session, once it has come as far as its target. */
  async openedSession(n: number): Promise<SessionId> {
    for (;;) {
      const id = this.sessions[n];
      if (id !== undefined && this.opened_.includes(id)) return id;
      await once(this.#events, 'opened', { signal: AbortSignal.timeout(60_000) });
    }
  }

  async session(n: number): Promise<SessionId> {
    for (;;) {
      const id = this.sessions[n];
      if (id !== undefined) return id;
      await once(this.#events, 'authorized', { signal: AbortSignal.timeout(60_000) });
    }
  }

  #decide(ask: AuthorizeAsk): Result<Authorization, ConnectionRejection> {
    const now = new Date();
    const verified = this.authority.verifyProof(ask.proof, ask.remoteAddress, now);
    if (!verified.ok) return verified;
    const { sshSessionId, digest } = verified.value;
    if (this.#accepted.has(sshSessionId) || this.#accepted.has(digest)) return refuse({ code: 'proof_replayed' });
    this.#accepted.add(digest);
    const decided = this.#route(ask, verified.value, now);
    if (decided.ok) this.#accepted.add(sshSessionId);
    return decided;
  }

  #route(ask: AuthorizeAsk, proof: VerifiedProof, now: Date): Result<Authorization, ConnectionRejection> {
    if (ask.route.kind === 'direct' && proof.userName.startsWith('register-')) return this.#register(proof);
    if (ask.route.kind === 'jump') {
      const targetIds = this.targets.map((target) => target.id);
      this.#outer.set(proof.sshSessionId, ask.remoteAddress);
      const caller = { sshSessionId: proof.sshSessionId, personId: personId(1), fingerprint: proof.fingerprint };
      const endsAt = new Date(now.getTime() + 3_600_000);
      return ok({ kind: 'jump', caller, endsAt, targetIds, noTargets: null });
    }
    return this.#open(ask, proof, now);
  }

  #register(proof: VerifiedProof): Result<Authorization, ConnectionRejection> {
    if (proof.userName !== `register-${this.code}`) return refuse({ code: 'code_unknown' });
    this.registered.push(proof.publicKey);
    return ok({ kind: 'registered', lines: [`Your key is registered: ${proof.fingerprint}`, 'Go back to Slack.'] });
  }

  #open(ask: AuthorizeAsk, proof: VerifiedProof, now: Date): Result<Authorization, ConnectionRejection> {
    const plus = proof.userName.lastIndexOf('+');
    const { route } = ask;
    if (route.kind === 'inner' && !this.#outer.has(route.outerSshSessionId)) {
      return refuse({ code: 'proof_invalid', why: 'it did not come through a known jump connection' });
    }
    const name = route.kind === 'inner' ? route.targetName : proof.userName.slice(plus + 1);
    const login = Login.safeParse(route.kind === 'inner' ? proof.userName : proof.userName.slice(0, Math.max(plus, 0)));
    if (!login.success) return refuse({ code: 'bad_login_name', given: proof.userName });
    const targetId = targetIdFromName(name, SITE);
    const target = this.targets.find((each) => each.id === targetId);
    const live = this.grants.filter((each) => isActive(each, now));
    if (!target) return refuse({ code: 'unknown_target_name', given: name, granted: grantedTargets(live) });
    const asked = { target: pin(target), login: login.data, fingerprint: proof.fingerprint, certified: null };
    const picked = pickGrant(this.grants, asked, now);
    if (!picked.ok) return picked;
    const grant = picked.value;
    const id = SessionId.parse(randomUUID());
    const spec = upstreamCertificate(grant, { id, targetId: target.id, sourceAddress: this.sourceAddress }, now);
    const { certificate } = this.authority.issueUpstream(ask.sessionKey ?? new Uint8Array(0), spec);
    this.sessions.push(id);
    return ok({
      kind: 'session',
      session: {
        ...{ id, grantId: grant.id, grantDigest: grant.digest, engagementId: engagementId(1), personId: personId(1) },
        ...{ keyFingerprint: proof.fingerprint, targetId: target.id, targetName: target.name },
        ...{ address: target.address, port: target.port, hostKeys: target.host_keys, login: login.data },
        algorithms: target.algorithms ?? 'default',
        scope: grant.terms.scope,
        endsAt: new Date(grant.terms.notAfter),
        certificate,
      },
    });
  }
}
