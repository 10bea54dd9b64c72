import { createHash, timingSafeEqual } from 'node:crypto';
import canonicalize from 'canonicalize';
import { Digest, type GrantId } from '../access/ids.ts';
import type { Seals } from '../use-cases/ports/seals.ts';

/** SHA-256 over RFC 8785 JSON. A value that JSON cannot hold is a fault. */
export function digest(value: unknown): Digest {
  const json = canonicalize(value);
  if (json === undefined) throw new TypeError('a digest is made over a JSON value');
  return Digest.parse(createHash('sha256').update(json, 'utf8').digest('hex'));
}

/** What the MAC is for: the same key over the same words means nothing elsewhere. */
const DOMAIN = 'daypass grant v1';
const MAC_BYTES = 32;

type Mac = (data: Uint8Array) => Uint8Array;

/** HMAC-SHA256 over domain, grant id and digest, as lower-case hex. Neither part can hold the NUL that stands between them. */
export const seal = (mac: Mac, grantId: GrantId, of: Digest): string =>
  Buffer.from(macOf(mac, grantId, of)).toString('hex');

export const sealed = (mac: Mac, grantId: GrantId, of: Digest, claimed: string): boolean =>
  isSame(claimed, macOf(mac, grantId, of));

function isSame(claimed: string, expected: Uint8Array): boolean {
  const given = Buffer.from(claimed, 'hex');
  if (given.length !== MAC_BYTES || given.toString('hex') !== claimed) return false;
  return timingSafeEqual(given, expected);
}

const macOf = (mac: Mac, grantId: GrantId, of: Digest): Uint8Array =>
  mac(Buffer.from([DOMAIN, grantId, of].join('\0'), 'utf8'));

const RECORD_DOMAIN = 'daypass record v1';

/** Seals over whole records, as RFC 8785 JSON; a record of one kind never passes for one of another. */
export function recordSeals(mac: Mac): Seals {
  const of = (what: string, value: unknown): Uint8Array => {
    const json = canonicalize(value);
    if (json === undefined) throw new TypeError('a seal is made over a JSON value');
    return mac(Buffer.from([RECORD_DOMAIN, what, json].join('\0'), 'utf8'));
  };
  return {
    seal: (what, value) => Buffer.from(of(what, value)).toString('hex'),
    holds: (what, value, claimed) => isSame(claimed, of(what, value)),
  };
}
