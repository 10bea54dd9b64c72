import type { Duplex } from 'node:stream';
import type { Connection } from 'ssh2';
import type { Digest, Fingerprint } from '../../access/ids.ts';
import type { Log } from '../../log.ts';
import type { UserauthProof } from '../../use-cases/ports/authority.ts';
import { FAREWELL_MS, type Limits } from '../limits.ts';
import type { Registry } from '../pipe/registry.ts';
import type { Answer, Ask, OwnRefusal } from '../pipe/worker-messages.ts';
import type { Client, Session } from '../session/session.ts';
import { sessionPolicy } from '../session/session-policy.ts';
import type { Downstream as Algorithms } from '../ssh/algorithms.ts';
import { type ChannelPolicy, ChannelTable } from '../ssh/channel-table.ts';
import { banner, DISCONNECT_REASON, MESSAGE, plainDisconnect } from '../ssh/messages.ts';
import { partingWords } from '../ssh/negotiation.ts';
import { Transport } from '../ssh/transport.ts';
import { makeSessionKey, type SessionKey } from '../upstream/connect.ts';
import { YES } from '../words/approval-words.ts';
import { recordedBanner } from '../words/refusals.ts';
import { approvalPolicy } from './approval-channel.ts';
import { Jump, type JumpHost } from './jump.ts';
import { Login, type Purpose } from './login.ts';
import type { Accept, Origin } from './origin.ts';
import { registeredPolicy } from './registered.ts';

export type DownstreamHost = JumpHost & {
  /** OpenSSH PEM. */
  readonly hostKey: string;
  /** Public key blob. */
  readonly userCa: Uint8Array;
  readonly algorithms: Algorithms;
  readonly limits: Limits;
  readonly log: Log;
  authorize(ask: Ask): Promise<Answer>;
  readonly registry: Pick<Registry, 'key' | 'code'>;
  begin(session: NewSession): Session;
  /** How far a connection has come before it is in: keys that work, an offer of a key that could log in. */
  reached(socket: Duplex, step: 'kex' | 'offer', key: Fingerprint | Digest | null): void;
  authenticated(socket: Duplex): void;
  /** This connection was turned away without asking control. */
  refused(refusal: { remoteAddress: string; reason: OwnRefusal; fingerprint: Fingerprint | null }): void;
};

export type NewSession = {
  readonly authorized: Extract<Answer, { kind: 'session' }>['session'];
  readonly proof: UserauthProof;
  readonly key: SessionKey;
  readonly origin: Origin;
  readonly client: Client;
};

/** One connection of a contractor. */
export class DownstreamConnection {
  readonly #host: DownstreamHost;
  readonly #socket: Duplex;
  readonly #origin: Origin;
  readonly #accept: Accept;
  readonly #transport: Transport;
  readonly #login: Login;
  #table: ChannelTable | null = null;
  #key: SessionKey | null = null;
  #isGone = false;
  /** Of the key exchange: the client has named new keys, and has sent a message with them. */
  #hasKeys = false;
  #isKeyed = false;
  #isLeaving = false;
  #gone: () => void = () => {};

  constructor(host: DownstreamHost, connection: Connection, socket: Duplex, origin: Origin, accept: Accept) {
    this.#host = host;
    this.#socket = socket;
    this.#origin = origin;
    this.#accept = accept;
    const { rekeyAnswerMs, unansweredMs } = host.limits;
    const answerMs = Math.max(rekeyAnswerMs, unansweredMs);
    this.#transport = new Transport(connection, (payload) => this.#take(payload), answerMs);
    this.#login = new Login({
      userCa: host.userCa,
      transport: this.#transport,
      remoteAddress: origin.remoteAddress,
      isInner: origin.kind === 'inner',
      at: host.at,
      registry: host.registry,
      decide: (proof, purpose) => this.#decide(proof, purpose),
      enter: (answer, proof) => this.#enter(answer, proof),
      offered: (key) => host.reached(socket, 'offer', key),
      refused: (reason, fingerprint) => {
        const { remoteAddress } = origin;
        host.log.info({ code: reason, client: remoteAddress }, 'connection refused');
        host.refused({ remoteAddress, reason, fingerprint });
      },
    });
    connection.once('handshake', () => {
      this.#hasKeys = true;
    });
    connection.on('authentication', (context) => {
      this.#login.attempt(context).catch((error: unknown) => {
        host.log.error({ err: error }, 'a login could not be decided');
        this.#login.fault();
      });
    });
    connection.once('close', () => {
      this.#isGone = true;
      this.#table?.over();
      this.#gone();
    });
  }

  /** Says why, to a client that has logged in, and ends. */
  leave(sentence: string): void {
    if (!this.#login.isIn) return void this.#transport.destroy();
    this.#transport.leave(sentence);
    setTimeout(() => this.#transport.destroy(), FAREWELL_MS);
  }

  /** Before there are keys the client reads what is not encrypted; while they change it reads nothing. */
  turnAway(sentence: string): void {
    if (this.#hasKeys) this.#transport.leave(sentence);
    else if (this.#transport.sessionId === '') this.#socket.end(plainDisconnect(sentence));
    else this.#socket.destroy();
  }

  /** It has been told why, and ends by itself or a moment later. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** A client that shares no algorithm with us: its KEXINIT says which it has, and ssh2 would end without a word. */
  #parting(kexinit: Buffer): void {
    const words = partingWords(kexinit, this.#transport.proposal);
    if (words === null) return;
    const { remoteAddress } = this.#origin;
    this.#host.log.warn({ why: words, client: remoteAddress }, 'a client has no algorithm in common with the gateway');
    this.#host.refused({ remoteAddress, reason: 'no_common_algorithm', fingerprint: null });
    this.#isLeaving = true;
    this.#transport.disconnect(`daypass: ${words}`, DISCONNECT_REASON.KEY_EXCHANGE_FAILED);
    setTimeout(() => this.#transport.destroy(), FAREWELL_MS);
  }

  #take(payload: Buffer): boolean {
    const [number = 0] = payload;
    if (this.#login.isIn) return this.#table?.take(payload) ?? false;
    if (number === MESSAGE.KEXINIT && this.#transport.sessionId === '') this.#parting(payload);
    if (this.#hasKeys && !this.#isKeyed) {
      // Anybody can say that there are new keys; who uses them has made them.
      this.#isKeyed = true;
      this.#host.reached(this.#socket, 'kex', null);
    }
    this.#login.saw(payload);
    if (number < MESSAGE.GLOBAL_REQUEST) return false;
    this.#killed('channels before login');
    this.#transport.destroy();
    return true;
  }

  #killed(why: string): void {
    this.#host.log.warn({ why, client: this.#origin.remoteAddress }, 'hostile contractor connection closed');
  }

  #decide(proof: UserauthProof, purpose: Purpose): Promise<Answer> {
    const origin = this.#origin;
    if (purpose === 'direct' || purpose === 'inner') this.#key ??= makeSessionKey();
    return this.#host.authorize({
      signed: Buffer.from(proof.signed).toString('base64'),
      signature: Buffer.from(proof.signature).toString('base64'),
      remoteAddress: origin.remoteAddress,
      route:
        origin.kind === 'inner'
          ? { kind: 'inner', targetName: origin.targetName, outerSshSessionId: origin.jump.sshSessionId }
          : { kind: purpose === 'jump' ? 'jump' : 'direct' },
      sessionKey: this.#key ? Buffer.from(this.#key.publicBlob).toString('base64') : null,
    });
  }

  async #enter(answer: Exclude<Answer, { kind: 'refused' }>, proof: UserauthProof): Promise<string | null> {
    switch (answer.kind) {
      case 'session':
        return this.#enterSession(answer.session, proof);
      case 'jump':
        this.#enterJump(answer);
        return null;
      case 'approval':
        this.#enterApproval(answer.lines);
        return null;
      case 'registered':
        this.#use(
          registeredPolicy(this.#transport, answer.lines, (why) => this.#killed(why)),
          0,
        );
        return null;
    }
  }

  async #enterSession(authorized: NewSession['authorized'], proof: UserauthProof): Promise<string | null> {
    const key = this.#key;
    if (!key) throw new Error('a session without its own key');
    const origin = this.#origin;
    if (origin.kind === 'inner') origin.jump.carries(this.#socket);
    const session = this.#host.begin({ authorized, proof, key, origin, client: this.#asClient() });
    this.#gone = () => session.clientGone();
    if (this.#isGone) session.clientGone();
    try {
      await session.recorded();
    } catch {
      return 'The recording cannot start, and nothing passes unrecorded. Tell your Daypass operator.';
    }
    const { targetId: id, targetName: name, login, endsAt, scope } = authorized;
    const words = recordedBanner({ id, name }, login, new Date(endsAt), scope);
    this.#transport.send(banner(`daypass: ${words}\r\n`));
    const { tunnelsPerConnection } = this.#host.limits;
    this.#use(
      sessionPolicy(session.channels, (why) => this.#killed(why)),
      tunnelsPerConnection,
    );
    return null;
  }

  #asClient(): Client {
    return {
      leave: (sentence) => this.#transport.leave(sentence),
      destroy: (isFinal) => {
        if (!isFinal) return void this.#transport.destroy();
        this.#transport.reset();
        if (this.#origin.kind === 'inner') this.#origin.jump.release(this.#socket);
      },
    };
  }

  #enterJump(leads: Extract<Answer, { kind: 'jump' }>): void {
    const jump = new Jump(
      {
        ...{ host: this.#host, transport: this.#transport, accept: this.#accept },
        remoteAddress: this.#origin.remoteAddress,
        killed: (why) => this.#killed(why),
      },
      leads,
    );
    this.#gone = () => jump.over();
    if (this.#isGone) jump.over();
    // What it tunnels are connections to targets.
    this.#use(jump.policy, this.#host.limits.channelsPerConnection);
  }

  #enterApproval(lines: readonly string[]): void {
    const { sessionId } = this.#transport;
    const policy = approvalPolicy({
      ...{ lines, transport: this.#transport },
      confirm: () => this.#host.ask(sessionId, YES),
      killed: (why) => this.#killed(why),
    });
    this.#gone = () => {
      policy.over();
      this.#host.jumpOver(sessionId);
    };
    if (this.#isGone) this.#gone();
    this.#use(policy, 0);
  }

  #use(policy: ChannelPolicy, tunnels: number): void {
    const limits = { sessions: this.#host.limits.channelsPerConnection, tunnels };
    this.#table = new ChannelTable(this.#transport, policy, limits);
    if (this.#isGone) this.#table.over();
    this.#host.authenticated(this.#socket);
  }
}
