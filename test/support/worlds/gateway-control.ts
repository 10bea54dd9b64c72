import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { downstreamCertificate } from '../../../src/access/certificate.ts';
import type { Grant } from '../../../src/access/grant.ts';
import { type Fingerprint, GrantId, Login, RequestId, type SessionId } from '../../../src/access/ids.ts';
import { Policy } from '../../../src/access/policy.ts';
import type { Result } from '../../../src/access/result.ts';
import { BUILT_IN_SCOPES, type Scope } from '../../../src/access/scopes/scope.ts';
import type { SessionEnding } from '../../../src/access/session.ts';
import type { SessionReport } from '../../../src/access/session-report.ts';
import { pin, type Target } from '../../../src/access/target.ts';
import { issueRegistrationCode } from '../../../src/use-cases/people/issue-registration-code.ts';
import type { CertificateAuthority, UserauthProof } from '../../../src/use-cases/ports/authority.ts';
import { gatewayControl } from '../../../src/use-cases/sessions/bound-gateway-control.ts';
import type {
  Authorization,
  AuthorizeAsk,
  ConnectionRefusal,
  ConnectionRejection,
  GatewayControl,
  RegistryFeed,
  SealOutcome,
} from '../../../src/use-cases/sessions/gateway-control.ts';
import { refusalNotes } from '../../../src/use-cases/sessions/note-refusals.ts';
import type { Caller, SelfServiceAnswer, SelfServiceAsk } from '../../../src/use-cases/sessions/self-service.ts';
import { digest, engagement, engagementId, person, personId, requestId } from '../samples/samples.ts';
import { systemRandom } from './authority.ts';
import { MemoryStore } from './memory-store.ts';

export type Closed = { readonly id: SessionId; readonly report: SessionReport; readonly atMs: number };

const SITE = 'test';
const POLICY = Policy.parse({ rules: [{ name: 'any', max_duration: 'PT8H' }], doubt: 'P1D' });
/** Whom a grant shall not stop here: some tests have a thousand sessions. */
const CONNECTIONS_MAX = 100_000;
const clock = { now: () => new Date() };

/** Control's own decisions for one person in one engagement; tests grant, and see what is asked and told. */
export class TestControl implements GatewayControl {
  readonly authority: CertificateAuthority;
  readonly registry: RegistryFeed;
  readonly targets: Target[] = [];
  readonly store = new MemoryStore();
  /** Every session that was let in, and which of them came as far as a target. */
  readonly sessions: SessionId[] = [];
  readonly opened_: SessionId[] = [];
  readonly closed_: Closed[] = [];
  readonly rejections: ConnectionRejection[] = [];
  /** What workers turned away by themselves. */
  readonly refusals: ConnectionRefusal[] = [];
  readonly #events = new EventEmitter().setMaxListeners(100);
  readonly #control: GatewayControl;

  /** `sourceAddress` is the gateway's as its targets see it. */
  constructor(authority: CertificateAuthority, sourceAddress: string) {
    const { store, targets } = this;
    const now = clock.now();
    store.persons.push(person(1, { confirmedAt: now }));
    store.engagements.push(engagement({ createdAt: now, confirmedAt: now, channelReadAt: now }));
    this.authority = authority;
    this.#control = gatewayControl({
      ...{ store, clock, authority, sourceAddress, random: systemRandom, connectionsPerGrant: CONNECTIONS_MAX },
      inventory: {
        ...{ site: SITE, targets, policy: POLICY, scopes: BUILT_IN_SCOPES },
        find: (id) => targets.find((each) => each.id === id) ?? null,
      },
      refusals: refusalNotes({ store, clock }),
    });
    this.registry = this.#control.registry;
  }

  /** What is granted, for tests to take away. */
  get grants(): Grant[] {
    return this.store.grants;
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
    const grant = this.sealed({ id, requestId: RequestId.parse(requestId(1)), terms, end: null, expiredAt: null });
    this.grants.push(grant);
    this.register(options);
    const issued = this.authority.issueDownstream(options.publicKey, downstreamCertificate(grant));
    this.store.certificates.push({ ...issued, grantId: id });
    return { grant, certificate: issued.certificate };
  }

  /** As a decision makes it: what is changed otherwise counts for nothing. */
  sealed(grant: Omit<Grant, 'digest' | 'mac'>): Grant {
    const of = this.authority.digest(grant.terms);
    return { ...grant, digest: of, mac: this.authority.seal(grant.id, of) };
  }

  /** A key of the person's. */
  register({ fingerprint, publicKey }: { readonly fingerprint: Fingerprint; readonly publicKey: string }): void {
    if (this.store.keys.some((key) => key.fingerprint === fingerprint)) return;
    const key = { fingerprint, publicKey, personId: personId(1), registeredAt: clock.now(), retiredAt: null };
    this.store.keys.push(key);
    this.store.publish({ kind: 'registry_changed', entry: { kind: 'key', fingerprint, isRetired: false } });
  }

  /** A registration code, good once. */
  async newCode(): Promise<string> {
    const { store, authority } = this;
    const issued = await issueRegistrationCode({ store, clock, random: systemRandom, authority })({ by: personId(1) });
    if (!issued.ok) throw new Error(`no code: ${issued.rejection.code}`);
    return issued.value.code;
  }

  /** The public keys that were registered with a code. */
  get registered(): readonly unknown[] {
    return this.store.audit.filter(({ type }) => type === 'key_registered').map(({ facts }) => facts['publicKey']);
  }

  async authorize(ask: AuthorizeAsk): Promise<Result<Authorization, ConnectionRejection>> {
    const decided = await this.#control.authorize(ask);
    if (!decided.ok) this.rejections.push(decided.rejection);
    else if (decided.value.kind === 'session') this.sessions.push(decided.value.session.id);
    this.#events.emit('authorized');
    return decided;
  }

  serve(caller: Caller, ask: SelfServiceAsk): Promise<SelfServiceAnswer> {
    return this.#control.serve(caller, ask);
  }

  sign(proof: UserauthProof): ReturnType<GatewayControl['sign']> {
    return this.#control.sign(proof);
  }

  refused(refusal: ConnectionRefusal): void {
    this.#control.refused(refusal);
    this.refusals.push(refusal);
  }

  async opened(id: SessionId, head: string | null): Promise<void> {
    await this.#control.opened(id, head);
    this.opened_.push(id);
    this.#events.emit('opened');
  }

  async closed(id: SessionId, report: SessionReport, sealed: SealOutcome): Promise<void> {
    await this.#control.closed(id, report, sealed);
    this.closed_.push({ id, report, atMs: performance.now() });
    this.#events.emit('closed');
  }

  /** Where the recording of a session begins, as it is stored. */
  headOf(id: SessionId): string | null {
    return this.store.sessions.find((each) => each.id === id)?.recording.headAtStart ?? null;
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
}
