import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { recordSeals } from '../../../src/ca/seal.ts';
import { digest, grant, grantId } from '../../support/samples/samples.ts';
import { testAuthority, testKeys } from '../../support/worlds/authority.ts';

const keys = testKeys();
const authority = testAuthority(keys);

describe('a digest', () => {
  it('is SHA-256 over RFC 8785 JSON: order of names and form of dates make no difference', () => {
    const json = '{"a":"2030-05-02T12:00:00.000Z","b":[1,null,"€"],"c":1e+21}';
    const expected = createHash('sha256').update(json).digest('hex');
    const date = new Date('2030-05-02T12:00:00Z');
    expect(authority.digest({ c: 1e21, b: [1, null, '€'], a: date })).toBe(expected);
    expect(authority.digest({ a: date.toISOString(), b: [1, null, '€'], c: 1e21 })).toBe(expected);
  });

  it('changes with any part of what was approved', () => {
    const { terms } = grant(1);
    const digests = [terms, { ...terms, login: 'root' }, { ...terms, notAfter: terms.notBefore }].map(authority.digest);
    expect(new Set(digests).size).toBe(3);
  });

  it('of what JSON cannot hold is a fault', () => {
    for (const value of [undefined, Number.NaN, Number.POSITIVE_INFINITY, 1n, '\ud800', () => 1]) {
      expect(() => authority.digest(value)).toThrow();
    }
    expect(() => authority.digest(undefined)).toThrow(new TypeError('a digest is made over a JSON value'));
  });
});

describe('a seal', () => {
  const mac = authority.seal(grantId(1), digest(1));

  it('is believed for its grant and digest only', () => {
    expect(mac).toMatch(/^[0-9a-f]{64}$/);
    expect(authority.sealed(grantId(1), digest(1), mac)).toBe(true);
    expect(authority.sealed(grantId(2), digest(1), mac)).toBe(false);
    expect(authority.sealed(grantId(1), digest(2), mac)).toBe(false);
  });

  it('is not believed from another key', () => {
    expect(testAuthority().sealed(grantId(1), digest(1), mac)).toBe(false);
  });

  it('is not believed in any other form, and none makes it throw', () => {
    const flipped = `${mac.startsWith('0') ? '1' : '0'}${mac.slice(1)}`;
    for (const claimed of [
      '',
      '0',
      mac.slice(2),
      `${mac}00`,
      mac.toUpperCase(),
      ` ${mac}`,
      flipped,
      '€'.repeat(32),
      'zz'.repeat(32),
    ]) {
      if (claimed !== mac)
        expect([claimed, authority.sealed(grantId(1), digest(1), claimed)]).toEqual([claimed, false]);
    }
  });

  it('is the HMAC of grant and digest under a name of its own, so that no other use of the key makes one', () => {
    const [id, of] = [grantId(1), digest(1)];
    const hmac = (text: string): string => Buffer.from(keys.mac(Buffer.from(text))).toString('hex');
    expect(mac).toBe(hmac(`daypass grant v1\0${id}\0${of}`));
    for (const text of [`${id}\0${of}`, `${id}${of}`, of, `daypass grant v2\0${id}\0${of}`]) {
      expect(authority.sealed(id, of, hmac(text))).toBe(false);
    }
  });
});

describe('the seal of a record', () => {
  const { mac: hmac } = testKeys();
  const seals = recordSeals(hmac);
  const record = { id: 'e', reviewerIds: ['a', 'b'], approvals: 2 };
  const mac = seals.seal('engagement', record);

  it('is the HMAC of its kind and its RFC 8785 JSON under a name of its own', () => {
    const json = '{"approvals":2,"id":"e","reviewerIds":["a","b"]}';
    expect(mac).toBe(Buffer.from(hmac(Buffer.from(`daypass record v1\0engagement\0${json}`))).toString('hex'));
  });

  it('of what JSON cannot hold is a fault', () => {
    for (const value of [undefined, () => 1]) {
      const fault = new TypeError('a seal is made over a JSON value');
      expect(() => seals.seal('engagement', value)).toThrow(fault);
      expect(() => seals.holds('engagement', value, mac)).toThrow(fault);
    }
  });

  it('fits that record, however its fields are ordered, and no other', () => {
    expect(seals.holds('engagement', { approvals: 2, reviewerIds: ['a', 'b'], id: 'e' }, mac)).toBe(true);
    for (const other of [
      { ...record, approvals: 1 },
      { ...record, reviewerIds: ['a', 'b', 'c'] },
      { ...record, x: 1 },
    ]) {
      expect(seals.holds('engagement', other, mac)).toBe(false);
    }
  });

  it('fits no record of another kind, with no other key, and in no other spelling', () => {
    expect(seals.holds('request', record, mac)).toBe(false);
    expect(recordSeals(testKeys().mac).holds('engagement', record, mac)).toBe(false);
    for (const claimed of [mac.toUpperCase(), `${mac}00`, mac.slice(2), '', 'x']) {
      expect(seals.holds('engagement', record, claimed)).toBe(false);
    }
  });
});
