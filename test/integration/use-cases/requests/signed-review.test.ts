import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fingerprint } from '../../../../src/access/ids.ts';
import { approvalName } from '../../../../src/access/signing-key.ts';
import { retireKey } from '../../../../src/use-cases/people/retire-key.ts';
import type { UserauthProof } from '../../../../src/use-cases/ports/authority.ts';
import { lapsePledges } from '../../../../src/use-cases/requests/expire-requests.ts';
import { signReview } from '../../../../src/use-cases/requests/sign-review.ts';
import { SshKey } from '../../../support/peers/signing-key.ts';
import { testSeals } from '../../../support/worlds/beside.ts';
import { actorOfPerson } from '../../../support/worlds/granted-world.ts';
import { DAY, lineOf, outcome, SignedReviews } from '../../../support/worlds/signed-reviews.ts';

describe('an approval that is signed', () => {
  let at: SignedReviews;
  beforeEach(async () => {
    at = await SignedReviews.open();
  });
  afterEach(() => at[Symbol.asyncDispose]());

  it('is a click that counts for nothing, and the signature that makes it count', async () => {
    const { reviewer } = at.world;
    expect(await at.click()).toBe('pending');
    expect(await at.stored()).toMatchObject({ reviews: [], pledges: [{ reviewerId: reviewer.id, at: at.world.now }] });
    expect(await at.world.traces()).toEqual({
      events: [
        {
          ...{ type: 'review_pledged', actor: actorOfPerson(reviewer) },
          facts: { request: at.request.id, digest: at.request.digest },
        },
      ],
      notices: [[at.world.dm(reviewer), { kind: 'review_card_changed', requestId: at.request.id, to: reviewer.id }]],
    });
    const proof = at.proofOf();
    expect(await at.world.access.connect(proof)).toMatchObject({
      value: { kind: 'approval', approval: { request: { id: at.request.id }, requesterName: 'UCON' } },
    });
    expect(await at.stored()).toMatchObject({ reviews: [], status: 'pending' });
    at.world.now = at.world.later(30);
    expect(outcome(await signReview(at.world.deps)(proof))).toBe('approved');
    const signature = {
      ...{ fingerprint: at.key.fingerprint, publicKey: expect.stringMatching(/^ssh-ed25519 /), at: at.world.now },
      ...{ signed: proof.signed, signature: proof.signature },
    };
    const reviews = [{ reviewerId: reviewer.id, verdict: 'approve', comment: null, at: at.world.now, signature }];
    expect(await at.stored()).toEqual({
      ...at.request,
      reviews,
      pledges: [],
      status: 'approved',
      decidedAt: at.world.now,
    });
    expect(await at.grantOf()).toMatchObject({ terms: { requestDigest: at.request.digest } });
    expect((await at.world.traces()).events.map(({ type, facts }) => [type, facts['key']]).slice(0, 2)).toEqual([
      ['request_reviewed', at.key.fingerprint],
      ['request_approved', undefined],
    ]);
  });

  it('by clicks alone never comes to be, whoever clicks and however often', async () => {
    for (const by of [at.world.reviewer, at.second, at.world.reviewer]) expect(await at.click(by)).toBe('pending');
    const waiting = await at.stored();
    expect(waiting?.reviews).toEqual([]);
    expect(waiting?.pledges.map(({ reviewerId }) => reviewerId).sort()).toEqual(
      [at.world.reviewer.id, at.second.id].sort(),
    );
    expect(await at.grantOf()).toBeNull();
  });

  it('is denied with a click', async () => {
    expect(await at.click()).toBe('pending');
    expect(await at.click(at.world.reviewer, 'deny')).toBe('denied');
    expect(await at.stored()).toMatchObject({ pledges: [] });
    expect(await at.sign()).toBe('no_pledge');
  });

  it('is counted for each reviewer who signed', async () => {
    at.wants('signed', 2);
    await at.asked();
    for (const by of [at.world.reviewer, at.second]) await at.click(by);
    expect(await at.sign()).toBe('pending');
    expect(await at.stored()).toMatchObject({ pledges: [{ reviewerId: at.second.id }] });
    expect(await at.click()).toBe('already_reviewed');
    expect(await at.sign(at.proofOf(at.secondKey))).toBe('approved');
    expect(await at.grantOf()).not.toBeNull();
  });

  it('says at the click why none of the reviewer’s keys can sign', async () => {
    const bare = await at.world.access.person('UBARE');
    at.world.engagement = await at.world.access.engagement([at.world.contractor], [bare]);
    await at.asked();
    expect(await at.click(bare)).toBe('no_signing_key');
    await at.world.access.registered(bare, at.world.later(1));
    expect(await at.click(bare)).toBe('signing_key_new');
    await at.world.access.registered(bare, at.world.later(-DAY + 60));
    expect(await at.click(bare)).toBe('signing_key_new');
    at.wants('fido', 1);
    expect(await at.click(bare)).toBe('fido_key_wanted');
    expect(await at.stored()).toMatchObject({ pledges: [] });
    at.wants('signed', 1);
    await at.world.access.registered(bare, at.world.later(-DAY - 60));
    expect(await at.click(bare)).toBe('pending');
  });

  const outsiders: [string, string, () => Promise<UserauthProof> | UserauthProof][] = [
    ['another person’s key', 'no_pledge', () => at.proofOf(at.secondKey)],
    [
      'the requester’s own key',
      'no_pledge',
      async () => at.proofOf(await at.world.access.registered(at.world.contractor)),
    ],
    ['another digest', 'no_pledge', () => at.proofOf(at.key, { ...at.request, digest: `${'0'.repeat(64)}` as never })],
    ['another request', 'no_pledge', async () => at.proofOf(at.key, await at.asked())],
    [
      'a key from after the request',
      'signing_key_new',
      async () => at.proofOf(await at.world.access.registered(at.world.reviewer)),
    ],
    [
      'a key of less than a day',
      'signing_key_new',
      async () => at.proofOf(await at.world.access.registered(at.world.reviewer, at.world.later(-DAY + 1))),
    ],
    [
      'a retired key',
      'key_retired',
      async () => {
        const old = await at.world.access.registered(at.world.reviewer, at.world.later(-3 * DAY));
        await retire(old);
        return at.proofOf(old);
      },
    ],
    ['a key that nobody registered', 'unknown_key', () => at.proofOf(new SshKey())],
    [
      'a changed byte',
      'proof_invalid',
      () => {
        const { signed, signature } = at.proofOf();
        return { signed, signature: signature.map((byte, at) => (at === 50 ? byte ^ 1 : byte)) };
      },
    ],
  ];
  const retire = ({ fingerprint }: SshKey) =>
    retireKey(at.world.deps)({
      ...{ by: { account: 'root' }, fingerprint: Fingerprint.parse(fingerprint), isSecurity: false },
    });

  it.each(outsiders)('is not made by %s: %s', async (_, code, proof) => {
    expect(await at.click()).toBe('pending');
    const forged = await proof();
    expect(await at.sign(forged)).toBe(code);
    // A worker that is not what it seems asks for the signature at once.
    expect(outcome(await signReview(at.world.deps)(forged))).toBe(code);
    expect(await at.grantOf()).toBeNull();
  });

  it('is not made with a certificate, which runs out before the evidence does', async () => {
    expect(await at.click()).toBe('pending');
    const spec = { keyId: 'daypass:x', principals: ['root'], criticalOptions: {}, extensions: [] };
    const { certificate } = at.world.access.authority.issueDownstream(lineOf(at.key), {
      ...{ ...spec, validAfter: at.world.later(-60), validBefore: at.world.later(600) },
    });
    expect(await at.sign(at.key.proof(approvalName(at.request), certificate))).toBe('proof_invalid');
    expect(await at.sign()).toBe('approved');
  });

  it('is not made with a login that was signed for something else', async () => {
    expect(await at.click()).toBe('pending');
    for (const name of ['daypass', `${at.world.access.login}+web-01`, 'register-abcd'])
      expect(outcome(await signReview(at.world.deps)(at.key.proof(name, null)))).toBe('no_pledge');
  });

  it('takes a signed login once', async () => {
    at.wants('signed', 2);
    await at.asked();
    expect(await at.click()).toBe('pending');
    const proof = at.proofOf();
    expect(await at.sign(proof)).toBe('pending');
    expect(await at.sign(proof)).toBe('proof_replayed');
    expect(outcome(await signReview(at.world.deps)(proof))).toBe('no_pledge');
  });

  it('decides a login that was refused no second time', async () => {
    const proof = at.proofOf();
    expect(await at.sign(proof)).toBe('no_pledge');
    expect(await at.click()).toBe('pending');
    expect(await at.sign(proof)).toBe('proof_replayed');
  });

  it('comes within a quarter of an hour of the click, which can be renewed', async () => {
    expect(await at.click()).toBe('pending');
    at.world.now = at.world.later(899);
    expect(await at.world.access.connect(at.proofOf())).toMatchObject({ value: { kind: 'approval' } });
    at.world.now = at.world.later(1);
    expect(await at.sign()).toBe('pledge_over');
    expect(outcome(await signReview(at.world.deps)(at.proofOf()))).toBe('pledge_over');
    expect(await at.click()).toBe('pending');
    expect(await at.sign()).toBe('approved');
  });

  it('that lapsed is told on the reviewer’s card, once for each click', async () => {
    const { reviewer } = at.world;
    const told = [[at.world.dm(reviewer), { kind: 'review_card_changed', requestId: at.request.id, to: reviewer.id }]];
    for (const round of [1, 2]) {
      await at.click();
      await at.world.traces();
      at.world.now = at.world.later(899);
      expect([round, await lapsePledges(at.world.deps)()]).toEqual([round, 0]);
      at.world.now = at.world.later(1);
      await at.world.store.sql('delete from outbox');
      expect([round, await lapsePledges(at.world.deps)()]).toEqual([round, 1]);
      expect((await at.world.traces()).notices).toEqual(told);
      expect([round, await lapsePledges(at.world.deps)()]).toEqual([round, 0]);
    }
  });

  it('is held to what holds when it is signed: reviewer, requester and target', async () => {
    const [web] = at.world.access.targets;
    if (!web) throw new Error('no target');
    expect(await at.click()).toBe('pending');
    at.world.access.targets[0] = { ...web, address: '127.0.0.9' };
    expect(await at.sign()).toBe('target_changed');
    at.world.access.targets[0] = web;
    await at.world.seen(at.world.contractor, { standing: 'guest', active: false });
    expect(await at.sign()).toBe('requester_gone');
    await at.world.seen(at.world.contractor, { standing: 'guest', active: true });
    await at.world.seen(at.world.reviewer, { standing: 'guest', active: true });
    expect(await at.sign()).toBe('not_a_reviewer');
    await at.world.seen(at.world.reviewer, { standing: 'member', active: false });
    expect(await at.sign()).toBe('person_inactive');
    expect(await at.grantOf()).toBeNull();
  });

  it('is wanted from a request that waits where policy begins to want it, of who had clicked before, too', async () => {
    at.wants('slack', 2);
    await at.asked();
    expect(await at.click()).toBe('pending');
    at.wants('signed', 2);
    expect(await at.click(at.second)).toBe('pending');
    expect(await at.sign(at.proofOf(at.secondKey))).toBe('pending');
    expect(await at.click()).toBe('pending');
    expect(await at.sign()).toBe('approved');
    const signers = (await at.stored())?.reviews.map(({ signature }) => signature?.fingerprint);
    expect(signers).toEqual([at.key.fingerprint, at.secondKey.fingerprint]);
  });

  it('is wanted although policy wants it no more, as it was asked for', async () => {
    at.wants('slack', 1);
    expect(await at.click()).toBe('pending');
    expect(await at.grantOf()).toBeNull();
  });

  it('does not count any more once its key is retired, and another key may sign', async () => {
    at.wants('signed', 2);
    await at.asked();
    const other = await at.world.access.registered(at.world.reviewer, at.world.later(-3 * DAY));
    await at.click();
    expect(await at.sign()).toBe('pending');
    await retire(at.key);
    at.world.now = at.world.later(1);
    await at.click(at.second);
    expect(await at.sign(at.proofOf(at.secondKey))).toBe('pending');
    expect(await at.click()).toBe('pending');
    expect(await at.sign(at.proofOf(other))).toBe('approved');
    expect((await at.stored())?.reviews[0]?.signature?.fingerprint).toBe(other.fingerprint);
  });

  it('is wanted from a request of before there was a choice, as policy wants it today', async () => {
    const { id, digest, rule, approvals } = at.request;
    const times = { requestedAt: at.request.requestedAt.toISOString(), expiresAt: at.request.expiresAt.toISOString() };
    const mac = testSeals.seal('request', { id, digest, rule, approvals, ...times });
    await at.world.store.sql(`alter table access_request disable trigger user;
      update access_request set assurance = null, mac = '${mac}' where id = '${id}';
      alter table access_request enable trigger user`);
    expect(await at.stored()).toEqual({ ...at.request, assurance: 'slack' });
    expect(await at.click()).toBe('pending');
    expect(await at.sign()).toBe('approved');
  });
});
