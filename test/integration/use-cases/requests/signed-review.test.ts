import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Assurance } from '../../../../src/access/assurance.ts';
import { Fingerprint } from '../../../../src/access/ids.ts';
import type { Person } from '../../../../src/access/person.ts';
import type { PendingRequest } from '../../../../src/access/request.ts';
import { approvalName } from '../../../../src/access/signing-key.ts';
import { messageKey } from '../../../../src/use-cases/notice.ts';
import { retireKey } from '../../../../src/use-cases/people/retire-key.ts';
import type { UserauthProof } from '../../../../src/use-cases/ports/authority.ts';
import { lapsePledges } from '../../../../src/use-cases/requests/expire-requests.ts';
import { requestAccess } from '../../../../src/use-cases/requests/request-access.ts';
import { reviewRequest } from '../../../../src/use-cases/requests/review-request.ts';
import { signReview } from '../../../../src/use-cases/requests/sign-review.ts';
import { SshKey } from '../../../support/peers/signing-key.ts';
import { granted } from '../../../support/worlds/access-world.ts';
import { testSeals } from '../../../support/worlds/beside.ts';
import { actorOfPerson, GrantedWorld } from '../../../support/worlds/granted-world.ts';

const DAY = 86_400;
const CARD = { channelId: 'C1', ts: '1.1' };

describe('an approval that is signed', () => {
  let world: GrantedWorld;
  let request: PendingRequest;
  let key: SshKey;
  let second: Person;
  let secondKey: SshKey;
  let durationSeconds: number;

  beforeEach(async () => {
    world = await GrantedWorld.open('web-01');
    wants('signed', 1);
    durationSeconds = 599;
    second = await world.access.person('USECOND');
    world.engagement = await world.access.engagement([world.contractor], [world.reviewer, second]);
    key = await world.access.registered(world.reviewer, world.later(-2 * DAY));
    secondKey = await world.access.registered(second, world.later(-2 * DAY));
    request = await asked();
    await world.traces();
  });
  afterEach(() => world[Symbol.asyncDispose]());

  function wants(assurance: Assurance, approvals: number): void {
    const [rule] = world.deps.inventory.policy.rules;
    if (rule) Object.assign(rule, { assurance, approvals });
  }
  async function asked(): Promise<PendingRequest> {
    world.now = world.later(60);
    // The same access does not wait twice.
    durationSeconds += 1;
    const made = granted(
      await requestAccess(world.deps)({
        ...{ by: world.contractor.id, engagementId: world.engagement.id, targetIds: ['web-01'], durationSeconds },
        ...{ login: world.access.login, scope: 'shell', reason: 'Move the database', ticket: null },
      }),
    );
    const card = messageKey({ kind: 'review_card', requestId: made.id, to: null });
    await world.store.transaction((tx) => tx.messages.put({ key: card, channelId: CARD.channelId, ts: made.id }));
    return made;
  }
  const outcome = (result: Awaited<ReturnType<ReturnType<typeof signReview>>>) =>
    result.ok ? result.value.status : result.rejection.code;
  const click = async (by = world.reviewer, verdict: 'approve' | 'deny' = 'approve', of = request) => {
    const card = { channelId: CARD.channelId, ts: of.id };
    const { id: requestId, digest } = of;
    const clicked = await reviewRequest(world.deps)({ by: by.id, requestId, digest, card, verdict, comment: null });
    return clicked.ok ? clicked.value.status : clicked.rejection.code;
  };
  const proofOf = (who = key, of: Pick<PendingRequest, 'id' | 'digest'> = request): UserauthProof =>
    who.proof(approvalName(of), null);
  /** As the gateway does it: the login first, and its person's yes after it. */
  const sign = async (proof = proofOf()): Promise<string> => {
    const shown = await world.access.connect(proof);
    if (!shown.ok) return shown.rejection.code;
    if (shown.value.kind !== 'approval') return shown.value.kind;
    return outcome(await signReview(world.deps)(proof));
  };
  const lineOf = ({ blob }: SshKey): string => `ssh-ed25519 ${Buffer.from(blob).toString('base64')}`;
  const stored = (of = request) => world.store.transaction((tx) => tx.requests.byId(of.id));
  const grantOf = (of = request) => world.store.transaction((tx) => tx.grants.byRequest(of.id));

  it('is a click that counts for nothing, and the signature that makes it count', async () => {
    const { reviewer } = world;
    expect(await click()).toBe('pending');
    expect(await stored()).toMatchObject({ reviews: [], pledges: [{ reviewerId: reviewer.id, at: world.now }] });
    expect(await world.traces()).toEqual({
      events: [
        {
          ...{ type: 'review_pledged', actor: actorOfPerson(reviewer) },
          facts: { request: request.id, digest: request.digest },
        },
      ],
      notices: [[world.dm(reviewer), { kind: 'review_card_changed', requestId: request.id, to: reviewer.id }]],
    });
    const proof = proofOf();
    expect(await world.access.connect(proof)).toMatchObject({
      value: { kind: 'approval', approval: { request: { id: request.id }, requesterName: 'UCON' } },
    });
    expect(await stored()).toMatchObject({ reviews: [], status: 'pending' });
    world.now = world.later(30);
    expect(outcome(await signReview(world.deps)(proof))).toBe('approved');
    const signature = {
      ...{ fingerprint: key.fingerprint, publicKey: expect.stringMatching(/^ssh-ed25519 /), at: world.now },
      ...{ signed: proof.signed, signature: proof.signature },
    };
    const reviews = [{ reviewerId: reviewer.id, verdict: 'approve', comment: null, at: world.now, signature }];
    expect(await stored()).toEqual({ ...request, reviews, pledges: [], status: 'approved', decidedAt: world.now });
    expect(await grantOf()).toMatchObject({ terms: { requestDigest: request.digest } });
    expect((await world.traces()).events.map(({ type, facts }) => [type, facts['key']]).slice(0, 2)).toEqual([
      ['request_reviewed', key.fingerprint],
      ['request_approved', undefined],
    ]);
  });

  it('by clicks alone never comes to be, whoever clicks and however often', async () => {
    for (const by of [world.reviewer, second, world.reviewer]) expect(await click(by)).toBe('pending');
    const waiting = await stored();
    expect(waiting?.reviews).toEqual([]);
    expect(waiting?.pledges.map(({ reviewerId }) => reviewerId).sort()).toEqual([world.reviewer.id, second.id].sort());
    expect(await grantOf()).toBeNull();
  });

  it('is denied with a click', async () => {
    expect(await click()).toBe('pending');
    expect(await click(world.reviewer, 'deny')).toBe('denied');
    expect(await stored()).toMatchObject({ pledges: [] });
    expect(await sign()).toBe('no_pledge');
  });

  it('is counted for each reviewer who signed', async () => {
    wants('signed', 2);
    request = await asked();
    for (const by of [world.reviewer, second]) await click(by);
    expect(await sign()).toBe('pending');
    expect(await stored()).toMatchObject({ pledges: [{ reviewerId: second.id }] });
    expect(await click()).toBe('already_reviewed');
    expect(await sign(proofOf(secondKey))).toBe('approved');
    expect(await grantOf()).not.toBeNull();
  });

  it('says at the click why none of the reviewer’s keys can sign', async () => {
    const bare = await world.access.person('UBARE');
    world.engagement = await world.access.engagement([world.contractor], [bare]);
    request = await asked();
    expect(await click(bare)).toBe('no_signing_key');
    await world.access.registered(bare, world.later(1));
    expect(await click(bare)).toBe('signing_key_new');
    await world.access.registered(bare, world.later(-DAY + 60));
    expect(await click(bare)).toBe('signing_key_new');
    wants('fido', 1);
    expect(await click(bare)).toBe('fido_key_wanted');
    expect(await stored()).toMatchObject({ pledges: [] });
    wants('signed', 1);
    await world.access.registered(bare, world.later(-DAY - 60));
    expect(await click(bare)).toBe('pending');
  });

  const outsiders: [string, string, () => Promise<UserauthProof> | UserauthProof][] = [
    ['another person’s key', 'no_pledge', () => proofOf(secondKey)],
    ['the requester’s own key', 'no_pledge', async () => proofOf(await world.access.registered(world.contractor))],
    ['another digest', 'no_pledge', () => proofOf(key, { ...request, digest: `${'0'.repeat(64)}` as never })],
    ['another request', 'no_pledge', async () => proofOf(key, await asked())],
    [
      'a key from after the request',
      'signing_key_new',
      async () => proofOf(await world.access.registered(world.reviewer)),
    ],
    [
      'a key of less than a day',
      'signing_key_new',
      async () => proofOf(await world.access.registered(world.reviewer, world.later(-DAY + 1))),
    ],
    [
      'a retired key',
      'key_retired',
      async () => {
        const old = await world.access.registered(world.reviewer, world.later(-3 * DAY));
        await retire(old);
        return proofOf(old);
      },
    ],
    ['a key that nobody registered', 'unknown_key', () => proofOf(new SshKey())],
    [
      'a changed byte',
      'proof_invalid',
      () => {
        const { signed, signature } = proofOf();
        return { signed, signature: signature.map((byte, at) => (at === 50 ? byte ^ 1 : byte)) };
      },
    ],
  ];
  const retire = ({ fingerprint }: SshKey) =>
    retireKey(world.deps)({
      ...{ by: { account: 'root' }, fingerprint: Fingerprint.parse(fingerprint), isSecurity: false },
    });

  it.each(outsiders)('is not made by %s: %s', async (_, code, proof) => {
    expect(await click()).toBe('pending');
    const forged = await proof();
    expect(await sign(forged)).toBe(code);
    // A worker that is not what it seems asks for the signature at once.
    expect(outcome(await signReview(world.deps)(forged))).toBe(code);
    expect(await grantOf()).toBeNull();
  });

  it('is not made with a certificate, which runs out before the evidence does', async () => {
    expect(await click()).toBe('pending');
    const spec = { keyId: 'daypass:x', principals: ['root'], criticalOptions: {}, extensions: [] };
    const { certificate } = world.access.authority.issueDownstream(lineOf(key), {
      ...{ ...spec, validAfter: world.later(-60), validBefore: world.later(600) },
    });
    expect(await sign(key.proof(approvalName(request), certificate))).toBe('proof_invalid');
    expect(await sign()).toBe('approved');
  });

  it('is not made with a login that was signed for something else', async () => {
    expect(await click()).toBe('pending');
    for (const name of ['daypass', `${world.access.login}+web-01`, 'register-abcd'])
      expect(outcome(await signReview(world.deps)(key.proof(name, null)))).toBe('no_pledge');
  });

  it('takes a signed login once', async () => {
    wants('signed', 2);
    request = await asked();
    expect(await click()).toBe('pending');
    const proof = proofOf();
    expect(await sign(proof)).toBe('pending');
    expect(await sign(proof)).toBe('proof_replayed');
    expect(outcome(await signReview(world.deps)(proof))).toBe('no_pledge');
  });

  it('decides a login that was refused no second time', async () => {
    const proof = proofOf();
    expect(await sign(proof)).toBe('no_pledge');
    expect(await click()).toBe('pending');
    expect(await sign(proof)).toBe('proof_replayed');
  });

  it('comes within a quarter of an hour of the click, which can be renewed', async () => {
    expect(await click()).toBe('pending');
    world.now = world.later(899);
    expect(await world.access.connect(proofOf())).toMatchObject({ value: { kind: 'approval' } });
    world.now = world.later(1);
    expect(await sign()).toBe('pledge_over');
    expect(outcome(await signReview(world.deps)(proofOf()))).toBe('pledge_over');
    expect(await click()).toBe('pending');
    expect(await sign()).toBe('approved');
  });

  it('that lapsed is told on the reviewer’s card, once for each click', async () => {
    const { reviewer } = world;
    const told = [[world.dm(reviewer), { kind: 'review_card_changed', requestId: request.id, to: reviewer.id }]];
    for (const round of [1, 2]) {
      await click();
      await world.traces();
      world.now = world.later(899);
      expect([round, await lapsePledges(world.deps)()]).toEqual([round, 0]);
      world.now = world.later(1);
      await world.store.sql('delete from outbox');
      expect([round, await lapsePledges(world.deps)()]).toEqual([round, 1]);
      expect((await world.traces()).notices).toEqual(told);
      expect([round, await lapsePledges(world.deps)()]).toEqual([round, 0]);
    }
  });

  it('is held to what holds when it is signed: reviewer, requester and target', async () => {
    const [web] = world.access.targets;
    if (!web) throw new Error('no target');
    expect(await click()).toBe('pending');
    world.access.targets[0] = { ...web, address: '127.0.0.9' };
    expect(await sign()).toBe('target_changed');
    world.access.targets[0] = web;
    await world.seen(world.contractor, { standing: 'guest', active: false });
    expect(await sign()).toBe('requester_gone');
    await world.seen(world.contractor, { standing: 'guest', active: true });
    await world.seen(world.reviewer, { standing: 'guest', active: true });
    expect(await sign()).toBe('not_a_reviewer');
    await world.seen(world.reviewer, { standing: 'member', active: false });
    expect(await sign()).toBe('person_inactive');
    expect(await grantOf()).toBeNull();
  });

  it('is wanted from a request that waits where policy begins to want it, of who had clicked before, too', async () => {
    wants('slack', 2);
    request = await asked();
    expect(await click()).toBe('pending');
    wants('signed', 2);
    expect(await click(second)).toBe('pending');
    expect(await sign(proofOf(secondKey))).toBe('pending');
    expect(await click()).toBe('pending');
    expect(await sign()).toBe('approved');
    const signers = (await stored())?.reviews.map(({ signature }) => signature?.fingerprint);
    expect(signers).toEqual([key.fingerprint, secondKey.fingerprint]);
  });

  it('is wanted although policy wants it no more, as it was asked for', async () => {
    wants('slack', 1);
    expect(await click()).toBe('pending');
    expect(await grantOf()).toBeNull();
  });

  it('does not count any more once its key is retired, and another key may sign', async () => {
    wants('signed', 2);
    request = await asked();
    const other = await world.access.registered(world.reviewer, world.later(-3 * DAY));
    await click();
    expect(await sign()).toBe('pending');
    await retire(key);
    world.now = world.later(1);
    await click(second);
    expect(await sign(proofOf(secondKey))).toBe('pending');
    expect(await click()).toBe('pending');
    expect(await sign(proofOf(other))).toBe('approved');
    expect((await stored())?.reviews[0]?.signature?.fingerprint).toBe(other.fingerprint);
  });

  it('is wanted from a request of before there was a choice, as policy wants it today', async () => {
    const { id, digest, rule, approvals } = request;
    const times = { requestedAt: request.requestedAt.toISOString(), expiresAt: request.expiresAt.toISOString() };
    const mac = testSeals.seal('request', { id, digest, rule, approvals, ...times });
    await world.store.sql(`alter table access_request disable trigger user;
      update access_request set assurance = null, mac = '${mac}' where id = '${id}';
      alter table access_request enable trigger user`);
    expect(await stored()).toEqual({ ...request, assurance: 'slack' });
    expect(await click()).toBe('pending');
    expect(await sign()).toBe('approved');
  });

  describe('and somebody writes into the database without control', () => {
    const evidence = (who: SshKey, by: Person, proof: UserauthProof, mac: string | null) => {
      const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
      const at = world.now.toISOString();
      const row = {
        ...{ fingerprint: who.fingerprint, publicKey: lineOf(who) },
        ...{ signed: base64(proof.signed), signature: base64(proof.signature) },
      };
      const of = { requestId: request.id, digest: request.digest, reviewerId: by.id };
      const review = { requestId: request.id, reviewerId: by.id, verdict: 'approve', comment: null, at };
      const seal = mac ?? testSeals.seal('signature', { ...of, ...row, at });
      const reviewSeal = testSeals.seal('review', review);
      return store(
        [
          `insert into review values ('${request.id}', 7, '${by.id}', 'approve', null, '${at}', '${reviewSeal}')`,
          `insert into review_signature values ('${request.id}', '${by.id}', '${at}', '${row.fingerprint}',
            '${row.publicKey}', '${row.signed}', '${row.signature}', '${seal}')`,
        ].join(';'),
      );
    };
    let extra: SshKey;
    const another = async (registeredAt = world.now): Promise<SshKey> => {
      extra = await world.access.registered(second, registeredAt);
      return extra;
    };
    const store = (statements: string) => world.store.sql(statements);

    it('a pledge or a signature is nobody’s', async () => {
      await store(
        `insert into pledge values ('${request.id}', '${world.reviewer.id}', '${world.now.toISOString()}', null, repeat('a', 64))`,
      );
      expect(await sign()).toBe('record_tampered');
      await store('delete from pledge');
      await evidence(secondKey, second, proofOf(secondKey), 'a'.repeat(64));
      expect(await click()).toBe('record_tampered');
      expect(await grantOf()).toBeNull();
    });

    it('what was asked for is no other', async () => {
      expect(await click()).toBe('pending');
      await store(`alter table access_request disable trigger user;
        update access_request set ask = replace(ask::text, '"durationSeconds":600', '"durationSeconds":6000')::json;
        alter table access_request enable trigger user`);
      expect(await sign()).toBe('digest_mismatch');
    });

    it('an old pledge is no newer', async () => {
      await click();
      world.now = world.later(900);
      await store(`update pledge set pledged_at = '${world.now.toISOString()}'`);
      expect(await sign()).toBe('record_tampered');
    });

    it.each<[string, () => UserauthProof, (() => Promise<SshKey> | SshKey)?]>([
      ['of nothing', () => secondKey.proof('daypass', null)],
      ['by another key', () => proofOf(key)],
      ['by another person’s key', () => proofOf(key), () => key],
      ['by a key from after the request', () => proofOf(extra), () => another()],
      [
        'by another key of the same person than it says',
        () => proofOf(extra),
        async () => {
          await another(world.later(-3 * DAY));
          return secondKey;
        },
      ],
      [
        'over another request',
        () => proofOf(secondKey, { ...request, id: `${'0'.repeat(8)}${request.id.slice(8)}` as never }),
      ],
      ['that does not verify', () => ({ signed: proofOf(secondKey).signed, signature: proofOf(secondKey).signature })],
    ])('a signature %s opens nothing, even where its seal was made with the key', async (_, proof, signer) => {
      wants('signed', 2);
      request = await asked();
      await evidence((await signer?.()) ?? secondKey, second, proof(), null);
      await click();
      expect(await sign()).toBe('pending');
      expect(await grantOf()).toBeNull();
    });

    it('a signature that is real, and its seal as well, is one that counts', async () => {
      wants('signed', 2);
      request = await asked();
      await evidence(secondKey, second, proofOf(secondKey), null);
      await click();
      expect(await sign()).toBe('approved');
    });

    it('no request wants less than it was asked under', async () => {
      await store(`alter table access_request disable trigger user; update access_request set assurance = 'slack';
        alter table access_request enable trigger user`);
      expect(await click()).toBe('record_tampered');
      await store(`alter table access_request disable trigger user; update access_request set assurance = null;
        alter table access_request enable trigger user`);
      expect(await click()).toBe('record_tampered');
    });
  });
});
