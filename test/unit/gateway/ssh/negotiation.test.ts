import { describe, expect, it } from 'vitest';
import {
  clientWords,
  missing,
  type Proposal,
  readProposal,
  targetWords,
} from '../../../../src/gateway/ssh/negotiation.ts';
import { encode, string, uint8, uint32 } from '../../../../src/sshwire/bytes.ts';

const GCM = ['aes256-gcm@openssh.com', 'aes128-gcm@openssh.com'];
const ETM = ['hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256-etm@openssh.com'];

const proposal = (of: {
  kex?: string[];
  keys?: string[];
  ciphers?: string[];
  macs?: string[];
  zip?: string[];
}): Proposal => {
  const { kex = ['curve25519-sha256'], keys = ['ssh-ed25519'], ciphers = GCM, macs = ETM, zip = ['none'] } = of;
  return [kex, keys, ciphers, ciphers, macs, macs, zip, zip];
};
const gateway = proposal({
  kex: ['curve25519-sha256', 'kex-strict-s-v00@openssh.com'],
  ciphers: [...GCM, 'aes256-ctr'],
});

describe('what a client and the gateway lack in common', () => {
  it.each<readonly [string, Proposal, readonly string[]]>([
    ['nothing', proposal({}), []],
    ['nothing, where GCM needs no MAC', proposal({ macs: ['hmac-sha1'] }), []],
    ['a key exchange', proposal({ kex: ['ecdh-sha2-nistp256'] }), ['key exchange']],
    [
      'a key exchange, though both have markers',
      proposal({ kex: ['x', 'kex-strict-s-v00@openssh.com'] }),
      ['key exchange'],
    ],
    ['a host key', proposal({ keys: ['ssh-rsa'] }), ['host key type']],
    ['a cipher, and nobody knows of the MAC', proposal({ ciphers: ['3des-cbc'], macs: ['hmac-sha1'] }), ['cipher']],
    ['a MAC, where the cipher needs one', proposal({ ciphers: ['aes256-ctr'], macs: ['hmac-sha2-256'] }), ['MAC']],
    ['compression', proposal({ zip: ['zlib'] }), ['compression']],
    ['several', proposal({ kex: ['x'], ciphers: ['aes256-ctr'], macs: ['y'] }), ['key exchange', 'MAC']],
  ])('%s', (_name, client, expected) => {
    expect(missing(client, gateway).map(({ what }) => what)).toEqual(expected);
  });

  it.each<readonly [string, Proposal, RegExp]>([
    [
      'the settings that would let it in',
      proposal({ kex: ['ecdh-sha2-nistp256', 'x'], ciphers: ['aes256-ctr'], macs: ['hmac-sha2-256'] }),
      /^no key exchange in common: the client offers ecdh-sha2-nistp256, x; the gateway accepts curve25519-sha256; no MAC in common: the client offers hmac-sha2-256; the gateway accepts \S+, \S+\. Its operators can allow yours: gateway\.kex can add ecdh-sha2-nistp256; gateway\.macs can add hmac-sha2-256\.$/,
    ],
    ['none where none would', proposal({ ciphers: ['3des-cbc'] }), /A newer client is needed\.$/],
    [
      'nothing that a terminal acts on',
      proposal({ kex: ['\u001b[31m\r\n', 'y'.repeat(5_000)] }),
      /^[\x20-\x7e]{1,500}$/,
    ],
  ])('is worded with %s', (_name, client, expected) => {
    expect(clientWords(missing(client, gateway))).toMatch(expected);
  });

  it('is worded for the operators of a target', () => {
    const target = proposal({ kex: ['ecdh-sha2-nistp256'] });
    const found = missing(proposal({}), target);
    expect(targetWords(found, true)).toBe(
      'no key exchange in common: the target offers ecdh-sha2-nistp256; the gateway accepts curve25519-sha256; add "algorithms: legacy" to it in targets.yml',
    );
    expect(targetWords(found, false)).toMatch(/; its sshd must offer more$/);
  });
});

describe('a KEXINIT', () => {
  const lists = ['a,b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', '', ''];
  const kexinit = encode(uint8(20), new Uint8Array(16), ...lists.map((list) => string(list)), uint8(0), uint32(0));

  it('is read in its order', () => {
    expect(readProposal(kexinit)).toEqual([['a', 'b'], ['c'], ['d'], ['e'], ['f'], ['g'], ['h'], ['i']]);
  });

  it.each([0, 1, 17, 20, 30])('that ends after %i bytes is none', (length) => {
    expect(readProposal(kexinit.subarray(0, length))).toBeNull();
  });
});
