import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Engagement } from '../../../src/access/engagement.ts';
import type { Grant } from '../../../src/access/grant.ts';
import { Fingerprint, Login, type PersonId } from '../../../src/access/ids.ts';
import type { Person } from '../../../src/access/person.ts';
import { Policy } from '../../../src/access/policy.ts';
import type { PendingRequest } from '../../../src/access/request.ts';
import { BUILT_IN_SCOPES } from '../../../src/access/scopes/scope.ts';
import { Target } from '../../../src/access/target.ts';
import { certificateAuthority } from '../../../src/ca/authority.ts';
import { createKeys, type Keys, loadKeys } from '../../../src/ca/keys.ts';
import type { OpenStore } from '../../../src/store/store.ts';
import { openEngagement } from '../../../src/use-cases/engagements/open-engagement.ts';
import { seeChannel } from '../../../src/use-cases/engagements/see-channel.ts';
import { endGrant } from '../../../src/use-cases/grants/end-grant.ts';
import { messageKey } from '../../../src/use-cases/notice.ts';
import { issueRegistrationCode } from '../../../src/use-cases/people/issue-registration-code.ts';
import { seePerson } from '../../../src/use-cases/people/see-person.ts';
import type { CertificateAuthority } from '../../../src/use-cases/ports/authority.ts';
import type { Clock } from '../../../src/use-cases/ports/clock.ts';
import type { Inventory } from '../../../src/use-cases/ports/inventory.ts';
import type { RandomSource } from '../../../src/use-cases/ports/random.ts';
import { requestAccess } from '../../../src/use-cases/requests/request-access.ts';
import { reviewRequest } from '../../../src/use-cases/requests/review-request.ts';
import { type AuthorizeDeps, authorizeConnection } from '../../../src/use-cases/sessions/authorize-connection.ts';
import type { AuthorizeAsk, GatewayControl } from '../../../src/use-cases/sessions/gateway-control.ts';
import { SshKey } from '../peers/signing-key.ts';

export const random: RandomSource = { uuid: randomUUID, bytes: (length) => new Uint8Array(randomBytes(length)) };

/** Every member opens and reviews, also what they opened: for what is not about that. */
export const ANYBODY = {
  openers: [{ people: 'any' }],
  reviewers: { people: 'any' },
  ...{ own_review: true, second_person: false },
} as const;

/** Unwraps what must not have been refused. */
export function granted<T>(result: { ok: true; value: T } | { ok: false; rejection: unknown }): T {
  if (result.ok) return result.value;
  throw new Error(`refused: ${JSON.stringify(result.rejection)}`);
}

/** Real store, real keys and real use-cases; Slack and the gateway are left out. */
export class AccessWorld implements AsyncDisposable {
  readonly folder: string;
  readonly keys: Keys;
  readonly authority: CertificateAuthority;
  readonly store: OpenStore;
  readonly clock: Clock;
  readonly login = Login.parse(userInfo().username);
  readonly targets: Target[] = [];
  readonly inventory: Inventory;

  /** On a store of the test's own, which this world closes. */
  static over(
    store: OpenStore,
    clock: Clock = { now: () => new Date() },
    folder = AccessWorld.withKeys(),
  ): AccessWorld {
    return new AccessWorld(folder, store, clock);
  }

  /** Where its people and its engagement are; a Slack that is asked about them has to know them. */
  slack = { teamId: 'T1', channelId: 'C1', sponsor: 'USPONSOR' };

  /** A folder for a world whose store is sealed with the world's own keys, as that of a control with these keys is. */
  static withKeys(): string {
    const folder = mkdtempSync(join(tmpdir(), 'daypass-world-'));
    createKeys(join(folder, 'keys'));
    return folder;
  }

  protected constructor(folder: string, store: OpenStore, clock: Clock) {
    this.folder = folder;
    this.store = store;
    this.clock = clock;
    this.keys = loadKeys(join(folder, 'keys'));
    this.authority = certificateAuthority(this.keys, random);
    this.inventory = {
      site: 'test',
      targets: this.targets,
      policy: Policy.parse({ rules: [{ name: 'one reviewer approves', max_duration: 'PT8H' }], engagements: ANYBODY }),
      scopes: BUILT_IN_SCOPES,
      find: (id) => this.targets.find((target) => target.id === id) ?? null,
    };
  }

  get deps() {
    const { store, clock, inventory, authority } = this;
    return { store, clock, random, inventory, authority };
  }

  person(userId: string, standing: Person['standing'] = 'member'): Promise<Person> {
    return seePerson(this.deps)({
      account: { teamId: this.slack.teamId, userId, enterpriseId: null },
      profile: { name: userId, standing, active: true },
    });
  }

  /** Targets with the login of this machine. */
  addTargets(...ids: readonly string[]): void {
    const host_keys = [this.keys.gatewayHostPublicKey];
    const logins = [this.login];
    this.targets.push(...ids.map((id) => Target.parse({ id, name: id, address: '127.0.0.1', host_keys, logins })));
  }

  /** A key that is a person's, as if they had registered it. */
  async registered({ id: personId }: Person, registeredAt = this.clock.now(), key = new SshKey()): Promise<SshKey> {
    const publicKey = `ssh-ed25519 ${Buffer.from(key.blob).toString('base64')}`;
    const fingerprint = Fingerprint.parse(key.fingerprint);
    await this.store.transaction((tx) => tx.keys.insert({ fingerprint, publicKey, personId, registeredAt }));
    return key;
  }

  /** Control's answer to a login, as a worker at 192.0.2.7 asks for it; `more` is what control knows beside the store. */
  connect(
    proof: AuthorizeAsk['proof'],
    route: AuthorizeAsk['route'] = { kind: 'direct' },
    more: Partial<Pick<AuthorizeDeps, 'outer' | 'refused' | 'connectionsPerGrant'>> = {},
  ): ReturnType<GatewayControl['authorize']> {
    return authorizeConnection({
      ...this.deps,
      ...{ sourceAddress: null, outer: { remember: () => {}, find: () => null }, connectionsPerGrant: 9 },
      ...{ refused: () => {}, plainLogins: () => true, ...more },
    })({ proof, remoteAddress: '192.0.2.7', route, sessionKey: route.kind === 'jump' ? null : new SshKey().blob });
  }

  /** The same in a word: what was let in, or why it was not. */
  async connected(...login: Parameters<AccessWorld['connect']>): Promise<string> {
    const decided = await this.connect(...login);
    return decided.ok ? decided.value.kind : decided.rejection.code;
  }

  /** What Slack says at this moment of who is in a channel. */
  channelRead(channelId: string, people: readonly Person[]): Promise<void> {
    const userIds = people.flatMap(({ accounts }) => accounts.map((account) => account.userId));
    const seen = { channelId, at: this.clock.now(), userIds: new Set(userIds), leftUserIds: new Set<string>() };
    return seeChannel(this.deps)(seen);
  }

  async engagement(members: readonly Person[], reviewers: readonly Person[]): Promise<Engagement> {
    const sponsor = await this.person(this.slack.sponsor);
    return granted(
      await openEngagement(this.deps)({
        by: sponsor.id,
        name: 'Migration',
        vendor: 'Acme',
        channelId: this.slack.channelId,
        memberIds: members.map((each) => each.id),
        targetIds: this.targets.map((each) => each.id),
        scopes: ['shell', 'files-rw'],
        reviewerIds: reviewers.map((each) => each.id),
        lastDay: '2999-12-31',
        timeZone: 'UTC',
      }),
    );
  }

  async code(by: PersonId): Promise<string> {
    return granted(await issueRegistrationCode(this.deps)({ by })).code;
  }

  /** Asks and approves as people would, short of Slack; returns the grant. */
  async grant(
    contractor: Person,
    reviewer: Person,
    engagement: Engagement,
    ask: { targets?: readonly string[]; scope?: string; seconds?: number; login?: string } = {},
  ): Promise<Grant> {
    const keys = await this.store.transaction((tx) => tx.keys.ofPerson(contractor.id));
    const request = granted(
      await requestAccess(this.deps)({
        by: contractor.id,
        engagementId: engagement.id,
        targetIds: ask.targets ?? engagement.targetIds,
        login: ask.login ?? this.login,
        scope: ask.scope ?? 'shell',
        durationSeconds: ask.seconds ?? 3_600,
        reason: 'Move the database',
        ticket: null,
        keys: keys.map((key) => key.fingerprint),
      }),
    );
    return this.approved(request, reviewer);
  }

  /** As if its card had been posted in the thread, and Approve pressed; throws what it was refused with. */
  async approved(request: PendingRequest, reviewer: Person): Promise<Grant> {
    const card = { channelId: this.slack.channelId, ts: `${request.id}` };
    const key = messageKey({ kind: 'review_card', requestId: request.id, to: null });
    await this.store.transaction((tx) => tx.messages.put({ key, ...card }));
    const { id: requestId, digest } = request;
    granted(
      await reviewRequest(this.deps)({ by: reviewer.id, requestId, digest, card, verdict: 'approve', comment: null }),
    );
    const grant = await this.store.transaction((tx) => tx.grants.byRequest(requestId));
    if (!grant) throw new Error('approved, and no grant');
    return grant;
  }

  async revoke(grant: Grant): Promise<void> {
    granted(
      await endGrant(this.deps)({ by: { account: 'operator' }, grantId: grant.id, comment: null, isSecurity: false }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
