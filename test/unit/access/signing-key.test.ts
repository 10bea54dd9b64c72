import { describe, expect, it } from 'vitest';
import { strictest } from '../../../src/access/assurance.ts';
import type { RegisteredKey } from '../../../src/access/person.ts';
import { approvalName, isApprovalName, whyKeySignsNot, whyNoKeySigns } from '../../../src/access/signing-key.ts';
import { digest, fingerprint, later, NOON, pending, personId } from '../../support/samples/samples.ts';

const DAY = 86_400;
const key = (registeredAt: Date, change: Partial<RegisteredKey> = {}): RegisteredKey => ({
  ...{ fingerprint: fingerprint(1), publicKey: 'ssh-ed25519 AAAA', personId: personId(2), registeredAt },
  ...{ retiredAt: null, ...change },
});
const FIDO = { publicKey: 'sk-ecdsa-sha2-nistp256@openssh.com AAAA' };
const signed = pending({ assurance: 'signed', requestedAt: NOON });
const fido = pending({ assurance: 'fido', requestedAt: NOON });
const why = (of: RegisteredKey, request = signed, now = later(60)) => whyKeySignsNot(of, request, now)?.code ?? null;

describe('a reviewer’s key', () => {
  it.each([
    ['of long ago', key(later(-9 * DAY)), signed, 60, null],
    ['of a day ago', key(later(60 - DAY)), signed, 60, null],
    ['of a second less', key(later(61 - DAY)), signed, 60, 'signing_key_new'],
    ['of the request’s own instant', key(NOON), signed, 2 * DAY, 'signing_key_new'],
    ['of just before it, a day later', key(later(-1)), signed, DAY - 1, null],
    ['that is retired', key(later(-9 * DAY), { retiredAt: NOON }), signed, 60, 'key_retired'],
    ['that is not FIDO’s, where one is wanted', key(later(-9 * DAY)), fido, 60, 'fido_key_wanted'],
    ['that is FIDO’s, where one is wanted', key(later(-9 * DAY), FIDO), fido, 60, null],
    ['that is FIDO’s, and new', key(later(1), FIDO), fido, 60, 'signing_key_new'],
  ] as const)('%s', (_, of, request, at, expected) => {
    expect(why(of, request, later(at))).toBe(expected);
  });

  it('that is too new says from when on it counts, and that it never will for what was asked before', () => {
    const facts = { code: 'signing_key_new', fingerprint: fingerprint(1) };
    expect(whyKeySignsNot(key(later(-60)), signed, NOON)).toEqual({
      ...{ ...facts, registeredAt: later(-60), countsFrom: later(DAY - 60) },
    });
    expect(whyKeySignsNot(key(later(60)), signed, later(9 * DAY))).toEqual({
      ...{ ...facts, registeredAt: later(60), countsFrom: null },
    });
  });

  it.each([
    ['none', [], signed, 'no_signing_key'],
    ['one that does', [key(later(1)), key(later(-9 * DAY))], signed, null],
    ['two that are too new', [key(later(1)), key(later(-60))], signed, 'signing_key_new'],
    ['a new one and one of another kind', [key(later(-9 * DAY)), key(later(1), FIDO)], fido, 'signing_key_new'],
    ['one of another kind', [key(later(-9 * DAY))], fido, 'fido_key_wanted'],
  ] as const)('among %s', (_, keys, request, expected) => {
    expect(whyNoKeySigns(keys, request, later(60))?.code ?? null).toBe(expected);
  });

  it('that will count is named before one that never will', () => {
    expect(whyNoKeySigns([key(later(1)), key(later(-60))], signed, later(60))).toMatchObject({
      countsFrom: later(DAY - 60),
    });
  });
});

describe('the login name that approves', () => {
  it('says which request, and 128 bits of its digest', () => {
    expect(approvalName({ ...signed, digest: digest(0xabc) })).toBe(`approve-cc000000-${'0'.repeat(32)}`);
    const name = approvalName({ ...signed, digest: `${'0123456789abcdef'.repeat(4)}` as never });
    expect(name).toBe('approve-cc000000-0123456789abcdef0123456789abcdef');
    // ssh puts the name into the path of a shared connection's socket, which has room for 108 bytes in all.
    expect(name.length).toBeLessThan(50);
  });

  it.each([
    [`approve-0123abcd-${'9f'.repeat(16)}`, true],
    [`approve-0123abcd-${'9F'.repeat(16)}`, false],
    [`approve-0123abcd-${'9f'.repeat(15)}`, false],
    [`approve-0123abcd-${'9f'.repeat(17)}`, false],
    [`approve-0123abcd-${'9f'.repeat(16)}+web-01`, false],
    [`approve-0123abcd-${'9f'.repeat(16)}\n`, false],
    ['approve-me+web-01', false],
    ['approve-', false],
  ])('%j is one: %s', (name, expected) => {
    expect(isApprovalName(name)).toBe(expected);
  });
});

it('the strictest of none is a click', () => {
  expect(strictest([])).toBe('slack');
});
