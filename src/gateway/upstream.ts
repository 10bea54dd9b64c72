import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import ssh2 from 'ssh2';
import type { SessionEnding } from '../access/session.ts';
import { encode, string } from '../sshwire/bytes.ts';
import { UPSTREAM_ALGORITHMS } from './algorithms.ts';
import { ChannelTable } from './channel-table.ts';
import { deferred } from './deferred.ts';
import { KEEPALIVE_MISSED_MAX, KEEPALIVE_MS, UPSTREAM_CONNECT_MS } from './limits.ts';
import { MESSAGE, OPEN_FAILURE } from './messages.ts';
import { Transport } from './transport.ts';
import { presentCertificate } from './upstream-auth.ts';

export type UpstreamTarget = {
  /** What people call it. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** `<type> <base64>`; any other host key is refused. */
  readonly hostKeys: readonly string[];
  readonly login: string;
  readonly certificate: string;
};

type FailureWhy = Extract<SessionEnding, { how: 'failed' }>['why'];

/** Why a target could not be entered, with a sentence for the person who tried. */
export class UpstreamError extends Error {
  readonly why: FailureWhy;
  constructor(why: FailureWhy, message: string) {
    super(message);
    this.name = 'UpstreamError';
    this.why = why;
  }
}

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
  const words = failureWords(target.name);
  let mismatch = false;
  let isReady = false;
  let table: ChannelTable | null = null;
  const ready = deferred<void>();
  let isOver = false;

  const end = (error: UpstreamError): void => {
    if (isOver) return;
    isOver = true;
    ready.reject(error);
    ended(error);
    table?.over();
  };
  // First of all: ssh2 throws errors that nobody listens to.
  client.on('error', (error: Error & { level?: string }) => {
    const failure = isReady ? words.lost : words.of(error, mismatch);
    transport?.destroy();
    end(failure);
  });
  client.on('close', () => end(isReady ? words.lost : words.unreachable));
  client.on('ready', () => {
    isReady = true;
    ready.resolve();
  });
  client.on('connect', () => client.setNoDelay(true));
  const pinned = new Set(target.hostKeys.map((line) => line.split(' ')[1]));
  client.connect({
    host: target.address,
    port: target.port,
    username: target.login,
    algorithms: { ...UPSTREAM_ALGORITHMS, serverHostKey: hostKeyAlgorithms(target.hostKeys) },
    readyTimeout: UPSTREAM_CONNECT_MS,
    keepaliveInterval: KEEPALIVE_MS,
    keepaliveCountMax: KEEPALIVE_MISSED_MAX,
    hostVerifier: (hostKey: Buffer) => {
      mismatch = !pinned.has(hostKey.toString('base64'));
      return !mismatch;
    },
    // Stands for the login with the certificate, which ssh2 cannot do.
    authHandler: ['none'],
  });
  const transport = new Transport(client, (payload) => {
    if (isReady) return table?.take(payload) ?? false;
    const isEarly = (payload[0] ?? 0) >= MESSAGE.GLOBAL_REQUEST;
    if (isEarly) {
      transport.destroy();
      end(words.protocol('channels before login'));
    }
    return isEarly;
  });
  table = new ChannelTable(transport, {
    open: () => ({ accept: false, reason: OPEN_FAILURE.PROHIBITED, description: 'the gateway takes no channels' }),
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

function failureWords(name: string) {
  const mismatch = `${name} shows another host key than the one pinned, so nothing was sent to it. Tell security, who have been told too.`;
  const refused = `${name} does not accept the gateway's certificate. Ask its owner to run: daypass targets check ${name}`;
  const unreachable = `${name} cannot be reached from the gateway. Try again in a minute; if it stays so, tell its owner.`;
  return {
    of(error: Error & { level?: string }, isMismatch: boolean): UpstreamError {
      // With only pinned types on offer, a target that has none of them has other host keys as well.
      if (isMismatch || error.message.includes('no matching host key format')) {
        return new UpstreamError('host_key_mismatch', mismatch);
      }
      if (error.level === 'client-authentication') return new UpstreamError('target_refused', refused);
      return new UpstreamError('target_unreachable', unreachable);
    },
    unreachable: new UpstreamError('target_unreachable', unreachable),
    lost: new UpstreamError('target_unreachable', `The connection to ${name} was lost. Connect again.`),
    protocol: (why: string) =>
      new UpstreamError('protocol', `${name} broke the SSH protocol (${why}), so the session was cut. Tell its owner.`),
  };
}

/** Only algorithms of the pinned keys are offered, so that a target with several shows one that is pinned. */
function hostKeyAlgorithms(hostKeys: readonly string[]): never {
  const types = hostKeys.map((line) => line.split(' ')[0] ?? '');
  const names = types.flatMap((type) => (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type]));
  return [...new Set(names)] as never;
}
