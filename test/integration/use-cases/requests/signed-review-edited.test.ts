import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Person } from '../../../../src/access/person.ts';
import type { UserauthProof } from '../../../../src/use-cases/ports/authority.ts';
import type { SshKey } from '../../../support/peers/signing-key.ts';
import { testSeals } from '../../../support/worlds/beside.ts';
import { DAY, lineOf, SignedReviews } from '../../../support/worlds/signed-reviews.ts';

describe('where somebody writes into the database without control', () => {
  let at: SignedReviews;
  beforeEach(async () => {
    at = await SignedReviews.open();
  });
  afterEach(() => at[Symbol.asyncDispose]());

  const evidence = (who: SshKey, by: Person, proof: UserauthProof, mac: string | null) => {
    const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
    const time = at.world.now.toISOString();
    const row = {
      ...{ fingerprint: who.fingerprint, publicKey: lineOf(who) },
      ...{ signed: base64(proof.signed), signature: base64(proof.signature) },
    };
    const of = { requestId: at.request.id, digest: at.request.digest, reviewerId: by.id };
    const review = { requestId: at.request.id, reviewerId: by.id, verdict: 'approve', comment: null, at: time };
    const seal = mac ?? testSeals.seal('signature', { ...of, ...row, at: time });
    const reviewSeal = testSeals.seal('review', review);
    return store(
      [
        `insert into review values ('${at.request.id}', 7, '${by.id}', 'approve', null, '${time}', '${reviewSeal}')`,
        `insert into review_signature values ('${at.request.id}', '${by.id}', '${time}', '${row.fingerprint}',
          '${row.publicKey}', '${row.signed}', '${row.signature}', '${seal}')`,
      ].join(';'),
    );
  };
  let extra: SshKey;
  const another = async (registeredAt = at.world.now): Promise<SshKey> => {
    extra = await at.world.access.registered(at.second, registeredAt);
    return extra;
  };
  const store = (statements: string) => at.world.store.sql(statements);

  it('a pledge or a signature is nobody’s', async () => {
    await store(
      `insert into pledge values ('${at.request.id}', '${at.world.reviewer.id}', '${at.world.now.toISOString()}', null, repeat('a', 64))`,
    );
    expect(await at.sign()).toBe('record_tampered');
    await store('delete from pledge');
    await evidence(at.secondKey, at.second, at.proofOf(at.secondKey), 'a'.repeat(64));
    expect(await at.click()).toBe('record_tampered');
    expect(await at.grantOf()).toBeNull();
  });

  it('what was asked for is no other', async () => {
    expect(await at.click()).toBe('pending');
    await store(`alter table access_request disable trigger user;
      update access_request set ask = replace(ask::text, '"durationSeconds":600', '"durationSeconds":6000')::json;
      alter table access_request enable trigger user`);
    expect(await at.sign()).toBe('digest_mismatch');
  });

  it('an old pledge is no newer', async () => {
    await at.click();
    at.world.now = at.world.later(900);
    await store(`update pledge set pledged_at = '${at.world.now.toISOString()}'`);
    expect(await at.sign()).toBe('record_tampered');
  });

  it.each<[string, () => UserauthProof, (() => Promise<SshKey> | SshKey)?]>([
    ['of nothing', () => at.secondKey.proof('daypass', null)],
    ['by another key', () => at.proofOf(at.key)],
    ['by another person’s key', () => at.proofOf(at.key), () => at.key],
    ['by a key from after the request', () => at.proofOf(extra), () => another()],
    [
      'by another key of the same person than it says',
      () => at.proofOf(extra),
      async () => {
        await another(at.world.later(-3 * DAY));
        return at.secondKey;
      },
    ],
    [
      'over another request',
      () => at.proofOf(at.secondKey, { ...at.request, id: `${'0'.repeat(8)}${at.request.id.slice(8)}` as never }),
    ],
    [
      'that does not verify',
      () => ({ signed: at.proofOf(at.secondKey).signed, signature: at.proofOf(at.secondKey).signature }),
    ],
  ])('a signature %s opens nothing, even where its seal was made with the key', async (_, proof, signer) => {
    at.wants('signed', 2);
    await at.asked();
    await evidence((await signer?.()) ?? at.secondKey, at.second, proof(), null);
    await at.click();
    expect(await at.sign()).toBe('pending');
    expect(await at.grantOf()).toBeNull();
  });

  it('a signature that is real, and its seal as well, is one that counts', async () => {
    at.wants('signed', 2);
    await at.asked();
    await evidence(at.secondKey, at.second, at.proofOf(at.secondKey), null);
    await at.click();
    expect(await at.sign()).toBe('approved');
  });

  it('no request wants less than it was asked under', async () => {
    await store(`alter table access_request disable trigger user; update access_request set assurance = 'slack';
      alter table access_request enable trigger user`);
    expect(await at.click()).toBe('record_tampered');
    await store(`alter table access_request disable trigger user; update access_request set assurance = null;
      alter table access_request enable trigger user`);
    expect(await at.click()).toBe('record_tampered');
  });
});
