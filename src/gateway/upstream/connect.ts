import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import ssh2 from 'ssh2';
import type { TargetAlgorithms } from '../../access/target.ts';
import { encode, string } from '../../sshwire/bytes.ts';
import { deferred } from '../deferred.ts';
import { KEEPALIVE_MISSED_MAX, KEEPALIVE_MS, UPSTREAM_CONNECT_MS } from '../limits.ts';
import { UPSTREAM_ALGORITHMS } from '../ssh/algorithms.ts';
import { ChannelTable } from '../ssh/channel-table.ts';
import { MESSAGE, OPEN_FAILURE } from '../ssh/messages.ts';
import { missing, type Proposal, readProposal, targetWords } from '../ssh/negotiation.ts';
import { Transport } from '../ssh/transport.ts';
import { failuresOf, type Phase, type UpstreamError } from './failures.ts';
import { presentCertificate } from './present-certificate.ts';

export type UpstreamTarget = {
  /** What people call it. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** `<type> <base64>`; any other host key is refused. */
  readonly hostKeys: readonly string[];
  readonly login: string;
  readonly certificate: string;
  readonly algorithms: TargetAlgorithms;
  /** How long it may take to log in, once keys are exchanged. */
  readonly loginMs: number;
};

/** An ed25519 key pair that lives in this process for one session. */
export type SessionKey = { readonly privateKey: KeyObject; readonly publicBlob: Uint8Array };

/** By node:crypto: of the key pairs that ssh2 makes, one in some hundreds cannot be read back. */
export function makeSessionKey(): SessionKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  return { privateKey, publicBlob: encode(string('ssh-ed25519'), string(Buffer.from(x, 'base64url'))) };
}

export type Upstream = {
  readonly channels: ChannelTable;
  /** Resolves once logged in; rejects with an UpstreamError. */
  readonly ready: Promise<void>;
  /** Waits for nobody; also before there is a connection. */
  destroy(): void;
  /** The same, and the target gets nothing more of what it has not read. */
  reset(): void;
};

/**
 * Connects to a target whose host key is one of those pinned, and logs in with this session's certificate. `ended` is told once,
 * before the channels are.
 */
export function connectUpstream(
  target: UpstreamTarget,
  { privateKey }: SessionKey,
  ended: (error: UpstreamError) => void,
): Upstream {
  const client = new ssh2.Client();
  const words = failuresOf(target.name, target.loginMs);
  let isMismatch = false;
  let nothingInCommon: string | null = null;
  let phase: Phase = 'connecting';
  let isReady = false;
  let table: ChannelTable | null = null;
  const ready = deferred<void>();
  let isOver = false;

  const end = (error: UpstreamError): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    ready.reject(error);
    ended(error);
    table?.over();
  };
  const reached = (): Phase => (phase === 'silent' && transport.hasHeard ? 'exchanging keys' : phase);
  const within = (ms: number, next: Phase): NodeJS.Timeout => {
    phase = next;
    return setTimeout(() => {
      transport.destroy();
      end(words.late(reached()));
    }, ms);
  };
  let timer = within(UPSTREAM_CONNECT_MS, 'connecting');
  const enter = (next: Phase, ms: number): void => {
    clearTimeout(timer);
    timer = within(ms, next);
  };
  // First of all: ssh2 throws errors that nobody listens to.
  client.on('error', (error: Error & { level?: string; code?: string }) => {
    transport?.destroy();
    if (isReady) end(words.lost);
    else if (isMismatch) end(words.mismatch);
    else if (nothingInCommon !== null) end(words.nothingInCommon(nothingInCommon));
    else if (error.level === 'client-authentication') end(words.refused);
    else end(words.closed(reached(), error.code));
  });
  client.on('close', () => end(isReady ? words.lost : words.closed(reached(), undefined)));
  client.on('ready', () => {
    isReady = true;
    clearTimeout(timer);
    ready.resolve();
  });
  client.on('connect', () => {
    client.setNoDelay(true);
    enter('silent', UPSTREAM_CONNECT_MS);
  });
  client.once('handshake', () => enter('logging in', target.loginMs));
  const pinned = new Set(target.hostKeys.map((line) => line.split(' ')[1]));
  client.connect({
    host: target.address,
    port: target.port,
    username: target.login,
    algorithms: { ...UPSTREAM_ALGORITHMS[target.algorithms], serverHostKey: hostKeyAlgorithms(target.hostKeys) },
    // Time runs by phases, above.
    readyTimeout: 0,
    keepaliveInterval: KEEPALIVE_MS,
    keepaliveCountMax: KEEPALIVE_MISSED_MAX,
    hostVerifier: (hostKey: Buffer) => {
      isMismatch = !pinned.has(hostKey.toString('base64'));
      return !isMismatch;
    },
    // Stands for the login with the certificate, which ssh2 cannot do.
    authHandler: ['none'],
  });
  const transport = new Transport(client, (payload) => {
    if (isReady) return table?.take(payload) ?? false;
    if (payload[0] === MESSAGE.KEXINIT) {
      const found = nothingSharedWith(target, transport.proposal, payload);
      if (found === 'another host key') isMismatch = true;
      else nothingInCommon = found;
    }
    const isEarly = (payload[0] ?? 0) >= MESSAGE.GLOBAL_REQUEST;
    if (isEarly) {
      transport.destroy();
      end(words.protocol('channels before login'));
    }
    return isEarly;
  });
  table = new ChannelTable(transport, {
    open: () => ({
      accept: false,
      reason: OPEN_FAILURE.PROHIBITED,
      description: 'the gateway does not accept channels',
    }),
    globalRequest: () => {},
    killed: (why) => end(words.protocol(why)),
  });
  presentCertificate(client, { certificate: target.certificate, privateKey });
  return {
    channels: table,
    ready: ready.promise,
    destroy() {
      transport.destroy();
      end(words.lost);
    },
    reset() {
      transport.reset();
      end(words.lost);
    },
  };
}

/** What a target's KEXINIT has not got in common with ours, in words; null where it has all. */
function nothingSharedWith(target: UpstreamTarget, ours: Proposal, kexinit: Buffer): string | null {
  const theirs = readProposal(kexinit);
  if (!theirs) return null;
  const found = missing(ours, theirs);
  if (found.length === 0) return null;
  const [hostKeys] = found.filter(({ what }) => what === 'host key type');
  // With only pinned types on offer, a target that has none of them has other host keys as well; RSA may be there for SHA-1 only.
  const isPinned = target.hostKeys.some((line) => hostKeys?.server.includes(line.split(' ')[0] ?? ''));
  if (hostKeys && !isPinned) return 'another host key';
  return targetWords(found, target.algorithms === 'default' && wouldAgree(theirs, ours));
}

/** Whether the legacy algorithms would do. */
function wouldAgree(theirs: Proposal, [, hostKeys = [], , , , , ...compression]: Proposal): boolean {
  const { kex, cipher, hmac } = UPSTREAM_ALGORITHMS.legacy;
  return missing([kex, hostKeys, cipher, cipher, hmac, hmac, ...compression], theirs).length === 0;
}

/** Only algorithms of the pinned keys are offered, so that a target with several shows one that is pinned. */
function hostKeyAlgorithms(hostKeys: readonly string[]): never {
  const types = hostKeys.map((line) => line.split(' ')[0] ?? '');
  const names = types.flatMap((type) => (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type]));
  return [...new Set(names)] as never;
}
