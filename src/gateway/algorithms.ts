import type { Algorithms } from 'ssh2';

/** No failure and no warning under ssh-audit; kex-strict is offered by ssh2 itself. Compression could be made to explode. */
const SHARED = {
  kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org'],
  hmac: ['hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256-etm@openssh.com'],
  compress: ['none'],
} satisfies Algorithms;

/** Where we are the server, the client's order decides: what is offered by default is fast with AES instructions. */
export const DEFAULT_CIPHERS = ['aes256-gcm@openssh.com', 'aes128-gcm@openssh.com'] as const;
export const DOWNSTREAM_CIPHERS = [...DEFAULT_CIPHERS, 'chacha20-poly1305@openssh.com'] as const;
export type DownstreamCipher = (typeof DOWNSTREAM_CIPHERS)[number];

export const downstreamAlgorithms = (ciphers: readonly DownstreamCipher[]): Algorithms => ({
  ...SHARED,
  cipher: [...ciphers],
});

/**
 * Paramiko has no GCM before its version 3.5. Others would prefer this to GCM and be slower: OpenSSH's clients do before their
 * version 10.
 */
export const WITHOUT_GCM = { software: /^paramiko_/, cipher: 'aes256-ctr' } as const;

/** Where we are the client, our order decides. */
export const UPSTREAM_ALGORITHMS = {
  ...SHARED,
  cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes256-ctr'],
} satisfies Algorithms;
