import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import ssh2, { type Client } from 'ssh2';
import type { Scope } from '../../../src/access/scopes/scope.ts';
import { internalsOf, sendPayload, tapMessages } from '../../../src/gateway/ssh/ssh2-internals.ts';
import { presentCertificate } from '../../../src/gateway/upstream/present-certificate.ts';
import { encode, string, uint8, uint32 } from '../../../src/sshwire/bytes.ts';
import { fingerprint, publicKeyLine } from '../../../src/sshwire/public-key.ts';
import { scope } from '../samples/samples.ts';
import type { GatewayWorld } from '../worlds/gateway-world.ts';
import { publicKeyOf } from './ssh-keys.ts';

/** A contractor who is let in and then sends whatever a test wants. */
export class RawClient implements Disposable {
  readonly client: Client;
  readonly received: Buffer[] = [];
  readonly #closed: Promise<number>;
  readonly #looks = new Set<() => void>();

  constructor(client: Client) {
    this.client = client;
    tapMessages(internalsOf(client)._protocol, (payload) => {
      const isChannels = (payload[0] ?? 0) >= 80;
      if (isChannels) this.received.push(Buffer.from(payload));
      for (const look of [...this.#looks]) look();
      return isChannels;
    });
    this.#closed = new Promise((resolve) => client.once('close', () => resolve(performance.now())));
  }

  /** Logs in as `<login>+<target>` with a key and a grant of its own. */
  static async login(world: GatewayWorld, target = 'web-01', granted: Scope = scope('shell')): Promise<RawClient> {
    const { privateKey, line, print } = makeKey();
    const { certificate } = world.control.grant({
      ...{ publicKey: line, fingerprint: print as never, login: world.login, scope: granted },
    });
    const { raw } = open(world, target, { certificate, privateKey });
    await once(raw.client, 'ready', { signal: AbortSignal.timeout(20_000) });
    return raw;
  }

  send(payload: Uint8Array): void {
    sendPayload(internalsOf(this.client)._protocol, payload);
  }

  get socket() {
    return internalsOf(this.client)._sock;
  }

  /** Milliseconds until the gateway has cut the connection off. */
  async cut(): Promise<number> {
    const start = performance.now();
    const late = AbortSignal.timeout(10_000);
    return Promise.race([
      this.#closed.then((at) => at - start),
      once(late, 'abort').then(() => Number.POSITIVE_INFINITY),
    ]);
  }

  /** The first message of this number, once it has come. */
  message(number: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no message ${number}`)), 10_000);
      const look = (): void => {
        const found = this.received.find((payload) => payload[0] === number);
        if (!found) return;
        clearTimeout(late);
        this.#looks.delete(look);
        resolve(found);
      };
      this.#looks.add(look);
      look();
    });
  }

  /** Opens a session channel and starts a command on it; resolves with the gateway's number of it. */
  async exec(command: string, window = 2 ** 21): Promise<number> {
    this.send(openSession({ window }));
    const channel = (await this.message(91)).readUInt32BE(5);
    this.send(encode(uint8(98), uint32(channel), string('exec'), uint8(1), string(command)));
    await this.message(99);
    return channel;
  }

  [Symbol.dispose](): void {
    this.client.destroy();
  }
}

export function makeKey(): { privateKey: KeyObject; line: string; print: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  const key = publicKeyOf(encode(string('ssh-ed25519'), string(Buffer.from(x, 'base64url'))));
  return { privateKey, line: publicKeyLine(key), print: fingerprint(key) };
}

function open(
  world: GatewayWorld,
  target: string,
  key: { certificate: string; privateKey: KeyObject },
): { raw: RawClient } {
  const client = new ssh2.Client();
  client.on('error', () => {});
  client.connect({
    host: world.gateway.address,
    port: world.gateway.port,
    username: `${world.login}+${target}`,
    authHandler: ['none'],
    algorithms: { cipher: ['aes128-gcm@openssh.com'] },
  });
  presentCertificate(client, key);
  return { raw: new RawClient(client) };
}

/** RFC 4254 §5.1. */
export const openSession = (change: { sender?: number; window?: number; packet?: number } = {}): Uint8Array =>
  encode(
    uint8(90),
    string('session'),
    uint32(change.sender ?? 0),
    uint32(change.window ?? 2 ** 21),
    uint32(change.packet ?? 32_768),
  );

export const rssMiB = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
