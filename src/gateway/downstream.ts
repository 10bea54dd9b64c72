import type { Duplex } from 'node:stream';
import { type Connection, type PublicKeyAuthContext, Server, type ServerChannel } from 'ssh2';
import type { Log } from '../log.ts';
import { ALGORITHMS } from './algorithms.ts';
import type { Answer, Ask } from './control-link.ts';
import { allowChannelType, destroy, guard } from './guard.ts';
import { serveJump } from './jump.ts';
import { FAILED_SIGNATURES_MAX, KEX_MS, LOGIN_MS, UNSIGNED_OFFERS_MAX } from './limits.ts';
import { isCertificate, type WireProof, wireProof } from './proof.ts';
import type { GatewaySession, Granted } from './session.ts';
import { internalsOf, sendBanner } from './ssh2-internals.ts';
import { makeSessionKey, type SessionKey } from './upstream.ts';

/** Where a connection comes from: TCP, or a channel of a jump. */
export type Origin =
  | { readonly kind: 'outer'; readonly remoteAddress: string }
  | {
      readonly kind: 'inner';
      readonly remoteAddress: string;
      readonly targetName: string;
      readonly outerSshSessionId: string;
      release(): void;
    };

export type NewSession = {
  readonly connection: Connection;
  readonly granted: Granted;
  readonly proof: WireProof;
  readonly key: SessionKey;
  readonly origin: Origin;
};

export type DownstreamHost = {
  readonly hostKey: string;
  readonly log: Log;
  authorize(ask: Ask): Promise<Answer>;
  /** Throws where no recording can be begun: then there is no session. */
  begin(session: NewSession): Promise<GatewaySession>;
  authenticated(socket: Duplex): void;
};

type Accept = (socket: Duplex, origin: Origin) => void;

const JUMP_USER = 'daypass';
const REGISTER_PREFIX = 'register-';
const PUBLIC_KEY_ONLY = ['publickey'] as never;

/** The SSH server that contractors meet. `accept` takes a byte stream and where it comes from. */
export function downstreamServer(host: DownstreamHost): { accept(socket: Duplex, origin: Origin): void } {
  const origins = new WeakMap<Duplex, Origin>();
  const server = new Server({ hostKeys: [host.hostKey], algorithms: ALGORITHMS, ident: 'Daypass' });
  const accept = (socket: Duplex, origin: Origin): void => {
    origins.set(socket, origin);
    server.injectSocket(socket as never);
  };
  server.on('error', (error: Error) => host.log.warn({ err: error }, 'ssh server error'));
  server.on('connection', (connection) => {
    connection.on('error', (error: Error) => {
      host.log.debug({ err: error }, 'contractor connection error');
      destroy(connection);
    });
    const origin = origins.get(internalsOf(connection)._sock);
    if (!origin) return destroy(connection);
    new Downstream(host, connection, origin, accept).serve();
  });
  return { accept };
}

/** One connection of a contractor until it is known what it is for. */
class Downstream {
  readonly #host: DownstreamHost;
  readonly #connection: Connection;
  readonly #origin: Origin;
  readonly #accept: Accept;
  #key: SessionKey | null = null;
  #offers = 0;
  #failures = 0;

  constructor(host: DownstreamHost, connection: Connection, origin: Origin, accept: Accept) {
    this.#host = host;
    this.#connection = connection;
    this.#origin = origin;
    this.#accept = accept;
  }

  serve(): void {
    guard(this.#connection, (why) =>
      this.#host.log.warn({ why, client: this.#origin.remoteAddress }, 'hostile peer cut'),
    );
    const kex = setTimeout(() => destroy(this.#connection), KEX_MS);
    const login = setTimeout(() => destroy(this.#connection), LOGIN_MS);
    this.#connection.once('handshake', () => clearTimeout(kex));
    this.#connection.once('ready', () => clearTimeout(login));
    this.#connection.once('close', () => {
      clearTimeout(kex);
      clearTimeout(login);
    });
    this.#connection.on('authentication', (attempt) => {
      if (attempt.method !== 'publickey') return attempt.reject(PUBLIC_KEY_ONLY);
      this.#attempt(attempt).catch((error: unknown) => {
        this.#host.log.error({ err: error }, 'login failed');
        destroy(this.#connection);
      });
    });
  }

  async #attempt(attempt: PublicKeyAuthContext): Promise<void> {
    const registers = this.#origin.kind === 'outer' && attempt.username.startsWith(REGISTER_PREFIX);
    // A server that took plain keys would never be shown the certificate: OpenSSH offers the key first.
    if (isCertificate(attempt.key.algo) === registers) return this.#countOffer(() => attempt.reject(PUBLIC_KEY_ONLY));
    // An offer proves nothing (RFC 4252 §7): it is answered, and no more.
    if (!attempt.signature) return this.#countOffer(() => attempt.accept());
    const proof = wireProof(attempt);
    if (!proof) return this.#refuse(attempt, null);
    const answer = await this.#host.authorize(this.#askFor(attempt, proof, registers));
    if (answer.kind === 'refused') return this.#refuse(attempt, answer.message);
    await this.#enter(attempt, answer, proof);
  }

  #countOffer(answer: () => void): void {
    this.#offers += 1;
    if (this.#offers > UNSIGNED_OFFERS_MAX) destroy(this.#connection);
    else answer();
  }

  #askFor(attempt: PublicKeyAuthContext, proof: WireProof, registers: boolean): Ask {
    const origin = this.#origin;
    const isJump = origin.kind === 'outer' && attempt.username === JUMP_USER;
    if (!registers && !isJump) this.#key ??= makeSessionKey();
    return {
      signed: proof.signed.toString('base64'),
      signature: proof.signature.toString('base64'),
      remoteAddress: origin.remoteAddress,
      route:
        origin.kind === 'inner'
          ? { kind: 'inner', targetName: origin.targetName, outerSshSessionId: origin.outerSshSessionId }
          : { kind: isJump ? 'jump' : 'direct' },
      sessionKey: this.#key?.publicBlob.toString('base64') ?? null,
    };
  }

  #refuse(attempt: PublicKeyAuthContext, sentence: string | null): void {
    this.#failures += 1;
    if (sentence) sendBanner(internalsOf(this.#connection)._protocol, `daypass: ${sentence}\r\n`);
    if (this.#failures >= FAILED_SIGNATURES_MAX) this.#connection.end();
    else attempt.reject(PUBLIC_KEY_ONLY);
  }

  async #enter(
    attempt: PublicKeyAuthContext,
    answer: Exclude<Answer, { kind: 'refused' }>,
    proof: WireProof,
  ): Promise<void> {
    const connection = this.#connection;
    const socket = internalsOf(connection)._sock;
    if (answer.kind === 'session') {
      const session = await this.#begin(answer.session, proof);
      if (!session)
        return this.#refuse(
          attempt,
          'The recording cannot be begun, so there is no session. Tell whoever runs Daypass.',
        );
      allowChannelType(connection, 'session', (why) => session.refused(why));
      connection.on('session', (accept) => session.open(accept()));
      connection.on('request', (_accept, reject, name) => {
        session.refused(`The request ${name} is not allowed: nothing listens for you on the gateway.`);
        reject?.();
      });
    } else if (answer.kind === 'jump') {
      allowChannelType(connection, 'direct-tcpip', () => {});
      const outerSshSessionId = internalsOf(connection)._protocol._kex?.sessionID.toString('hex') ?? '';
      const { remoteAddress } = this.#origin;
      serveJump(connection, (inner) => {
        const { targetName, release } = inner;
        this.#accept(inner.socket, { kind: 'inner', remoteAddress, targetName, outerSshSessionId, release });
      });
    } else {
      allowChannelType(connection, 'session', () => {});
      serveLines(connection, answer.lines);
    }
    this.#host.authenticated(socket);
    attempt.accept();
  }

  async #begin(granted: Granted, proof: WireProof): Promise<GatewaySession | null> {
    if (!this.#key) return null;
    const { connection, key, origin } = { connection: this.#connection, key: this.#key, origin: this.#origin };
    try {
      return await this.#host.begin({ connection, granted, proof, key, origin });
    } catch (error) {
      this.#host.log.error({ err: error, session: granted.id }, 'a recording could not be begun');
      return null;
    }
  }
}

/** Tells a person some lines, whatever they start, and ends. */
function serveLines(connection: Connection, lines: readonly string[]): void {
  connection.on('session', (accept) => {
    const session = accept();
    session.on('pty', (accepted) => accepted?.());
    const tell = (accepted: () => ServerChannel): void => {
      const channel = accepted();
      if (!channel) return;
      channel.write(lines.map((line) => `${line}\r\n`).join(''));
      channel.exit(0);
      channel.end();
    };
    session.on('shell', tell);
    session.on('exec', tell);
  });
}
