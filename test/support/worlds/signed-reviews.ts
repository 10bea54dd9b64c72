import type { Assurance } from '../../../src/access/assurance.ts';
import type { Person } from '../../../src/access/person.ts';
import type { PendingRequest } from '../../../src/access/request.ts';
import { approvalName } from '../../../src/access/signing-key.ts';
import { messageKey } from '../../../src/use-cases/notice.ts';
import type { UserauthProof } from '../../../src/use-cases/ports/authority.ts';
import { requestAccess } from '../../../src/use-cases/requests/request-access.ts';
import { reviewRequest } from '../../../src/use-cases/requests/review-request.ts';
import { signReview } from '../../../src/use-cases/requests/sign-review.ts';
import type { SshKey } from '../peers/signing-key.ts';
import { granted } from './access-world.ts';
import { GrantedWorld } from './granted-world.ts';

export const DAY = 86_400;
export const CARD = { channelId: 'C1', ts: '1.1' };

export const outcome = (result: Awaited<ReturnType<ReturnType<typeof signReview>>>): string =>
  result.ok ? result.value.status : result.rejection.code;

export const lineOf = ({ blob }: SshKey): string => `ssh-ed25519 ${Buffer.from(blob).toString('base64')}`;

/** Two reviewers with keys that are old enough to sign, and a request whose approval they sign. */
export class SignedReviews implements AsyncDisposable {
  world!: GrantedWorld;
  request!: PendingRequest;
  key!: SshKey;
  second!: Person;
  secondKey!: SshKey;
  #durationSeconds = 599;

  static async open(): Promise<SignedReviews> {
    const at = new SignedReviews();
    at.world = await GrantedWorld.open('web-01');
    const { access, contractor, reviewer } = at.world;
    at.wants('signed', 1);
    at.second = await access.person('USECOND');
    at.world.engagement = await access.engagement([contractor], [reviewer, at.second]);
    at.key = await access.registered(reviewer, at.world.later(-2 * DAY));
    at.secondKey = await access.registered(at.second, at.world.later(-2 * DAY));
    await at.asked();
    await at.world.traces();
    return at;
  }

  wants(assurance: Assurance, approvals: number): void {
    const [rule] = this.world.deps.inventory.policy.rules;
    if (rule) Object.assign(rule, { assurance, approvals });
  }

  /** From now on `request` is this one. */
  async asked(): Promise<PendingRequest> {
    const { world } = this;
    world.now = world.later(60);
    // The same access does not wait twice.
    this.#durationSeconds += 1;
    const made = granted(
      await requestAccess(world.deps)({
        ...{ by: world.contractor.id, engagementId: world.engagement.id, targetIds: ['web-01'] },
        ...{ login: world.access.login, scope: 'shell', reason: 'Move the database', ticket: null },
        durationSeconds: this.#durationSeconds,
      }),
    );
    const card = messageKey({ kind: 'review_card', requestId: made.id, to: null });
    await world.store.transaction((tx) => tx.messages.put({ key: card, channelId: CARD.channelId, ts: made.id }));
    this.request = made;
    return made;
  }

  async click(by = this.world.reviewer, verdict: 'approve' | 'deny' = 'approve', of = this.request): Promise<string> {
    const card = { channelId: CARD.channelId, ts: of.id };
    const { id: requestId, digest } = of;
    const reviewed = { by: by.id, requestId, digest, card, verdict, comment: null };
    const clicked = await reviewRequest(this.world.deps)(reviewed);
    return clicked.ok ? clicked.value.status : clicked.rejection.code;
  }

  proofOf(who = this.key, of: Pick<PendingRequest, 'id' | 'digest'> = this.request): UserauthProof {
    return who.proof(approvalName(of), null);
  }

  /** As the gateway does it: the login first, and its person's yes after it. */
  async sign(proof = this.proofOf()): Promise<string> {
    const shown = await this.world.access.connect(proof);
    if (!shown.ok) return shown.rejection.code;
    if (shown.value.kind !== 'approval') return shown.value.kind;
    return outcome(await signReview(this.world.deps)(proof));
  }

  stored(of = this.request) {
    return this.world.store.transaction((tx) => tx.requests.byId(of.id));
  }

  grantOf(of = this.request) {
    return this.world.store.transaction((tx) => tx.grants.byRequest(of.id));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.world[Symbol.asyncDispose]();
  }
}
