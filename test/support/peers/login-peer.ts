import type { Duplex } from 'node:stream';
import ssh2, { type AuthContext, type Client } from 'ssh2';
import { MESSAGE } from '../../../src/gateway/ssh/messages.ts';
import { internalsOf, sendPayload, tapMessages } from '../../../src/gateway/ssh/ssh2-internals.ts';
import { Transport } from '../../../src/gateway/ssh/transport.ts';
import { encode, reader, string, uint8 } from '../../../src/sshwire/bytes.ts';
import { makeHostKey } from './host-key.ts';
import { pipe } from './pipe.ts';

/** RFC 4253 §10, RFC 4252 §5.1, §7. */
const SERVICE_ACCEPT = 6;
const ANSWERS: Readonly<Record<number, 'FAILURE' | 'SUCCESS' | 'PK_OK'>> = {
  51: 'FAILURE',
  52: 'SUCCESS',
  60: 'PK_OK',
};

const HOST_KEY = makeHostKey();

/** What came of one request, up to its answer. */
export type Heard = {
  /** `gone`: the connection has ended. */
  readonly answer: 'FAILURE' | 'SUCCESS' | 'PK_OK' | 'gone';
  readonly banners: readonly string[];
  /** What the DISCONNECT said. */
  readonly bye: string | null;
};

/** A client of ssh2 that has exchanged keys and asks for whatever a test wants. */
export class LoginPeer {
  readonly #client: Client;
  #answer: Heard['answer'] | null = null;
  #banners: string[] = [];
  #bye: string | null = null;
  #look: () => void = () => {};

  private constructor(client: Client) {
    this.#client = client;
    client.on('error', () => {});
  }

  /** By `socket`; resolves once requests may be sent. */
  static async connect(socket: Duplex): Promise<LoginPeer> {
    const client = new ssh2.Client();
    const peer = new LoginPeer(client);
    client.connect({ sock: socket as never, username: 'nobody', algorithms: { kex: ['curve25519-sha256'] } });
    const isReady = new Promise<void>((resolve) => {
      tapMessages(internalsOf(client)._protocol, (payload) => {
        if (payload[0] === SERVICE_ACCEPT) resolve();
        return payload[0] === SERVICE_ACCEPT || peer.#hear(payload);
      });
    });
    // Where it is destroyed the other end hears no more of it than this.
    for (const over of ['end', 'close']) socket.once(over, () => peer.#end());
    await isReady;
    return peer;
  }

  get sessionId(): Uint8Array {
    return internalsOf(this.#client)._protocol._kex?.sessionID ?? new Uint8Array(0);
  }

  send(payload: Uint8Array): void {
    sendPayload(internalsOf(this.#client)._protocol, payload);
  }

  async ask(payload: Uint8Array): Promise<Heard> {
    this.send(payload);
    return this.heard();
  }

  /** The next answer, with what came before it. */
  async heard(): Promise<Heard> {
    while (this.#answer === null) {
      await new Promise<void>((resolve) => {
        this.#look = resolve;
      });
    }
    const heard = { answer: this.#answer, banners: this.#banners, bye: this.#bye };
    if (this.#answer !== 'gone') this.#answer = null;
    this.#banners = [];
    return heard;
  }

  destroy(): void {
    this.#client.destroy();
  }

  #hear(payload: Buffer): boolean {
    const [number = 0] = payload;
    const from = reader(payload.subarray(1));
    if (number === MESSAGE.USERAUTH_BANNER) this.#banners.push(from.utf8('banner'));
    if (number === MESSAGE.DISCONNECT) this.#bye = `${from.uint32('reason')} ${from.utf8('description')}`;
    const answer = ANSWERS[number];
    if (answer) this.#answer = answer;
    if (answer) this.#look();
    return number === MESSAGE.DISCONNECT || number >= MESSAGE.USERAUTH_REQUEST;
  }

  #end(): void {
    this.#answer = 'gone';
    this.#look();
  }
}

/** The server's side of it: what a login needs of its connection. */
export type LoginServer = {
  readonly socket: Duplex;
  readonly transport: Transport;
  /** Each request as ssh2 hands it on. */
  onRequest: (context: AuthContext) => void;
  /** Sees each message first. */
  onMessage: (payload: Buffer) => void;
};

/** A client and a server of ssh2 at the two ends of a connection in memory, which have exchanged keys. */
export async function loginPair(): Promise<{ readonly peer: LoginPeer; readonly server: LoginServer }> {
  const [near, far] = pipe();
  const server = new ssh2.Server({ hostKeys: [HOST_KEY], algorithms: { kex: ['curve25519-sha256'] } });
  const connected = new Promise<LoginServer>((resolve) => {
    server.on('connection', (connection) => {
      connection.on('error', () => near.destroy());
      const transport = new Transport(connection, (payload) => {
        made.onMessage(payload);
        return false;
      });
      const made: LoginServer = { socket: near, transport, onRequest: () => {}, onMessage: () => {} };
      connection.on('authentication', (context) => made.onRequest(context));
      resolve(made);
    });
  });
  server.injectSocket(near as never);
  const [peer, made] = await Promise.all([LoginPeer.connect(far), connected]);
  return { peer, server: made };
}

const request = (user: string, method: string, ...more: readonly Uint8Array[]): Uint8Array =>
  encode(uint8(MESSAGE.USERAUTH_REQUEST), string(user), string('ssh-connection'), string(method), ...more);

/** Requests of RFC 4252 and RFC 4256. */
export const asking = {
  none: (user: string) => request(user, 'none'),
  password: (user: string) => request(user, 'password', uint8(0), string('secret')),
  hostbased: (user: string, algorithm: string, key: Uint8Array) =>
    request(user, 'hostbased', ...[algorithm, key, 'host', 'user', new Uint8Array(64)].map(string)),
  interactive: (user: string) => request(user, 'keyboard-interactive', string(''), string('')),
  unknown: (user: string) => request(user, 'gssapi-with-mic', uint8(0)),
  offer: (user: string, algorithm: string, key: Uint8Array) =>
    request(user, 'publickey', uint8(0), string(algorithm), string(key)),
} as const;
