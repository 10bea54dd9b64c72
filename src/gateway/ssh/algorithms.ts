import type { Algorithms } from 'ssh2';
import type { TargetAlgorithms } from '../../access/target.ts';

/**
 * What each side may offer, the preferred ones first. All of it is without SHA-1, CBC and Diffie-Hellman groups below 2,048 bits;
 * kex-strict is offered by ssh2 itself. Compression could be made to explode.
 */
export const KEX = [
  'curve25519-sha256',
  'curve25519-sha256@libssh.org',
  'diffie-hellman-group14-sha256',
  'ecdh-sha2-nistp256',
  'ecdh-sha2-nistp384',
  'ecdh-sha2-nistp521',
  'diffie-hellman-group16-sha512',
] as const;
const GCM = ['aes256-gcm@openssh.com', 'aes128-gcm@openssh.com'] as const;
const CTR = ['aes256-ctr', 'aes192-ctr', 'aes128-ctr'] as const;
export const CIPHERS = [...GCM, 'chacha20-poly1305@openssh.com', ...CTR] as const;
export const MACS = [
  'hmac-sha2-512-etm@openssh.com',
  'hmac-sha2-256-etm@openssh.com',
  'hmac-sha2-512',
  'hmac-sha2-256',
] as const;
export type Kex = (typeof KEX)[number];
export type Cipher = (typeof CIPHERS)[number];
export type Mac = (typeof MACS)[number];

/** What ssh-audit has nothing against, and what a flood of handshakes does not make slow. */
export const DEFAULT_KEX: readonly Kex[] = KEX.slice(0, 2);
export const DEFAULT_MACS: readonly Mac[] = MACS.slice(0, 2);
export const DEFAULT_CIPHERS: readonly Cipher[] = GCM;

/** What contractors' clients may choose from; the order of theirs decides. */
export type Downstream = {
  readonly kex: readonly Kex[];
  readonly macs: readonly Mac[];
  /** Null: GCM, and CTR behind it for clients that may not know GCM. */
  readonly ciphers: readonly Cipher[] | null;
};

export const downstreamAlgorithms = ({ kex, macs, ciphers }: Downstream): Algorithms => ({
  kex: [...kex],
  hmac: [...macs],
  cipher: [...(ciphers ?? DEFAULT_CIPHERS)],
  compress: ['none'],
});

/** OpenSSH's own clients know GCM, and before their version 10 prefer CTR, which is slower; so they are not offered it. */
export const BEHIND_GCM = { notFor: /^OpenSSH_/, ciphers: CTR } as const;

const upstream = (kex: readonly Kex[], cipher: readonly Cipher[], hmac: readonly Mac[]) =>
  ({ kex: [...new Set(kex)], cipher: [...new Set(cipher)], hmac: [...hmac], compress: ['none'] }) satisfies Algorithms;

/** Where we are the client, our order decides. */
const UPSTREAM_KEX = DEFAULT_KEX;
const UPSTREAM_CIPHERS: readonly Cipher[] = ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes256-ctr'];
export const UPSTREAM_ALGORITHMS = {
  default: upstream(UPSTREAM_KEX, UPSTREAM_CIPHERS, DEFAULT_MACS),
  legacy: upstream([...UPSTREAM_KEX, ...KEX], [...UPSTREAM_CIPHERS, ...CIPHERS], MACS),
} satisfies Record<TargetAlgorithms, Algorithms>;
