import { createHash, timingSafeEqual } from 'node:crypto';
import canonicalize from 'canonicalize';
import { Digest, type GrantId } from '../access/ids.ts';

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

export function sealed(mac: Mac, grantId: GrantId, of: Digest, claimed: string): boolean {
  const given = Buffer.from(claimed, 'hex');
  if (given.length !== MAC_BYTES || given.toString('hex') !== claimed) return false;
  return timingSafeEqual(given, macOf(mac, grantId, of));
}

const macOf = (mac: Mac, grantId: GrantId, of: Digest): Uint8Array =>
  mac(Buffer.from([DOMAIN, grantId, of].join('\0'), 'utf8'));
