import { expect } from 'vitest';
import type { Engagement } from '../../../src/access/engagement.ts';
import type { Grant } from '../../../src/access/grant.ts';
import type { RequestId } from '../../../src/access/ids.ts';
import type { Person } from '../../../src/access/person.ts';
import { Target } from '../../../src/access/target.ts';
import type { OpenStore } from '../../../src/store/store.ts';
import { messageKey } from '../../../src/use-cases/notice.ts';
import type { Clock } from '../../../src/use-cases/ports/clock.ts';
import { requestAccess } from '../../../src/use-cases/requests/request-access.ts';
import { reviewRequest } from '../../../src/use-cases/requests/review-request.ts';
import type { ConnectionRefusal } from '../../../src/use-cases/sessions/gateway-control.ts';
import { SshKey } from '../peers/signing-key.ts';
import { AccessWorld } from './access-world.ts';

type Proof = ReturnType<SshKey['proof']>;
/** Whose connection a login comes inside of, and from where that was made. */
type Outer = { readonly personId: Person['id']; readonly remoteAddress: string };

/** A contractor with a key, a reviewer and the sponsor of an engagement; what they ask of it, and what becomes of it. */
export class RightsWorld extends AccessWorld {
  /** Of each round the people and their ids are others. */
  round = 0;
  contractor!: Person;
  reviewer!: Person;
  sponsor!: Person;
  engaged!: Engagement;
  key!: SshKey;
  /** How many connections a person may have to a target. */
  connectionsPerGrant = 9;
  /** As they were reported, each with its reason. */
  readonly refusals: ConnectionRefusal[] = [];

  static on(store: OpenStore, clock: Clock = { now: () => new Date() }): RightsWorld {
    return new RightsWorld(AccessWorld.withKeys(), store, clock);
  }

  /** People, a key, an engagement and targets for the next test. */
  async begin(targetIds: readonly string[] = ['web-01', 'db-01', 'app-01']): Promise<void> {
    this.round += 1;
    const host_keys = [this.keys.gatewayHostPublicKey];
    const logins = [this.login];
    const made = targetIds.map((id) =>
      Target.parse({ id, name: id, address: '127.0.0.1', host_keys, logins, labels: { host: id } }),
    );
    this.targets.splice(0, this.targets.length, ...made);
    this.contractor = await this.person(`UCON${this.round}`, 'guest');
    this.reviewer = await this.person(`UREVIEW${this.round}`);
    this.sponsor = await this.person(this.slack.sponsor);
    this.engaged = await this.engagement([this.contractor], [this.reviewer]);
    this.key = await this.registers(this.contractor);
  }

  /** What comes of a login: directly, as a jump, or inside a connection. */
  authorize(proof: Proof, inside: Outer | 'jump' | null = null): Promise<string> {
    const outer = { remember: () => {}, find: () => (inside === 'jump' ? null : inside) };
    const refused = (refusal: ConnectionRefusal): void => void this.refusals.push(refusal);
    const inner = { kind: 'inner', targetName: 'web-01', outerSshSessionId: 'outer' } as const;
    const route = inside === 'jump' ? ({ kind: 'jump' } as const) : inside ? inner : ({ kind: 'direct' } as const);
    return this.connected(proof, route, { outer, refused, connectionsPerGrant: this.connectionsPerGrant });
  }

  register(who: SshKey, code: string): Promise<string> {
    return this.authorize(who.proof(`register-${code}`, null));
  }

  /** A new key, registered as its owner would. */
  async registers(owner: Person): Promise<SshKey> {
    const made = new SshKey();
    expect(await this.register(made, await this.code(owner.id))).toBe('registered');
    return made;
  }

  /** A grant's certificate for a key; empty where it has none. */
  async certificateOf(grant: Grant, who = this.key): Promise<string> {
    const issued = await this.store.transaction((tx) => tx.grants.certificates(grant.id));
    return issued.find((each) => each.fingerprint === who.fingerprint)?.certificate ?? '';
  }

  async enter(grant: Grant, who = this.key, target = 'web-01'): Promise<string> {
    return this.authorize(who.proof(`${this.login}+${target}`, await this.certificateOf(grant, who)));
  }

  ask(change: Partial<Parameters<ReturnType<typeof requestAccess>>[0]> = {}) {
    return requestAccess(this.deps)({
      ...{ by: this.contractor.id, engagementId: this.engaged.id, targetIds: ['web-01'], login: this.login },
      ...{ scope: 'shell', durationSeconds: 3_600, reason: 'Move it', ticket: null, ...change },
    });
  }

  /** What the contractor asked for and the reviewer approved. */
  given(ask: Parameters<AccessWorld['grant']>[3] = {}): Promise<Grant> {
    return this.grant(this.contractor, this.reviewer, this.engaged, ask);
  }

  async approve(
    request: { readonly id: RequestId; readonly digest: string },
    by = this.reviewer,
    verdict: 'approve' | 'deny' = 'approve',
    store: OpenStore = this.store,
  ) {
    const { id: requestId, digest } = request;
    const card = { channelId: 'C1', ts: requestId };
    const posted = messageKey({ kind: 'review_card', requestId, to: null });
    await this.store.transaction((tx) => tx.messages.put({ key: posted, ...card }));
    return reviewRequest({ ...this.deps, store })({ by: by.id, requestId, digest, card, verdict, comment: null });
  }
}
