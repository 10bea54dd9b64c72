import { Client, type ParsedKey, utils } from 'ssh2';
import type { SessionEnding } from '../access/session.ts';
import { ALGORITHMS } from './algorithms.ts';
import { destroy, guard } from './guard.ts';
import { UPSTREAM_CONNECT_MS } from './limits.ts';
import { presentCertificate } from './upstream-auth.ts';

export type UpstreamTarget = {
  readonly address: string;
  readonly port: number;
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

export type SessionKey = { readonly key: ParsedKey; readonly publicBlob: Buffer };

/** A key pair that lives in this process for one session. */
export function makeSessionKey(): SessionKey {
  const { private: pem } = utils.generateKeyPairSync('ed25519');
  const key = utils.parseKey(pem);
  if (key instanceof Error) throw key;
  return { key, publicBlob: key.getPublicSSH() };
}

export type UpstreamAttempt = {
  readonly client: Client;
  /** Resolves once logged in; rejects with an UpstreamError. */
  readonly ready: Promise<Client>;
};

/** Connects to a target whose host key is one of those pinned, and logs in with this session's certificate. */
export function connectUpstream(target: UpstreamTarget, key: ParsedKey, hostKeyName: string): UpstreamAttempt {
  const client = new Client();
  const ready = new Promise<Client>((resolve, reject) => {
    let mismatch = false;
    let loggedIn = false;
    const fail = (why: FailureWhy, message: string): void => {
      destroy(client);
      reject(new UpstreamError(why, message));
    };
    client.on('error', (error: Error & { level?: string }) => {
      if (loggedIn) return destroy(client);
      if (mismatch) {
        return fail(
          'host_key_mismatch',
          `${hostKeyName} shows another host key than the one pinned, so nothing was sent to it. Tell security; they have been told too.`,
        );
      }
      if (error.level === 'client-authentication') {
        return fail(
          'target_refused',
          `${hostKeyName} does not accept Daypass's certificate. Tell its owner to run: daypass targets check ${hostKeyName}`,
        );
      }
      fail(
        'target_unreachable',
        `${hostKeyName} cannot be reached from the gateway. Try again; if it stays away, tell its owner.`,
      );
    });
    client.on('close', () => {
      if (!loggedIn)
        fail('target_unreachable', `${hostKeyName} closed the connection. Try again; if it stays so, tell its owner.`);
    });
    client.on('ready', () => {
      loggedIn = true;
      resolve(client);
    });
    const pinned = new Set(target.hostKeys.map((line) => line.split(' ')[1]));
    client.connect({
      host: target.address,
      port: target.port,
      username: target.login,
      algorithms: { ...ALGORITHMS, serverHostKey: hostKeyAlgorithms(target.hostKeys) },
      readyTimeout: UPSTREAM_CONNECT_MS,
      hostVerifier: (hostKey: Buffer) => {
        const known = pinned.has(hostKey.toString('base64'));
        mismatch = !known;
        return known;
      },
      authHandler: [{ type: 'publickey', username: target.login, key }] as never,
    });
    presentCertificate(client, { certificate: target.certificate, key });
    guard(client, (why) => fail('protocol', `${hostKeyName} broke the SSH protocol (${why}); the session was cut.`));
  });
  return { client, ready };
}

/** Only algorithms of the pinned keys are offered, so that a target with several shows one that is pinned. */
function hostKeyAlgorithms(hostKeys: readonly string[]): never {
  const types = hostKeys.map((line) => line.split(' ')[0] ?? '');
  const names = types.flatMap((type) => (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type]));
  return [...new Set(names)] as never;
}
