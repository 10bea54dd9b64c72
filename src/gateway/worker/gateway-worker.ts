import { mkdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { SessionId } from '../../access/ids.ts';
import type { RegistryEntry } from '../../access/registry-entry.ts';
import type { Whose } from '../../access/whose.ts';
import type { Log } from '../../log.ts';
import { Recorder } from '../../recording/write/recorder.ts';
import { encodePublicKey, parsePublicKeyLine } from '../../sshwire/public-key.ts';
import type { DownstreamHost } from '../downstream/connection.ts';
import { type Downstream, downstreamServer } from '../downstream/server.ts';
import { RESERVE_CHECK_MS } from '../limits.ts';
import { Registry } from '../pipe/registry.ts';
import type { Answer, Ask, Handed } from '../pipe/worker-messages.ts';
import { setRekeying } from '../ssh/transport.ts';
import { gatewayAddress, wordForTerminal } from '../words/refusals.ts';
import { RESTARTING } from '../words/session-words.ts';
import {
  ControlLink,
  type Extend,
  type Listeners,
  type Start,
  type Surroundings,
  type Terminate,
  type Watch,
} from './control-link.ts';
import { LiveSessions } from './live-sessions.ts';
import { SpoolSpace } from './spool-space.ts';
import { Unauthenticated } from './unauthenticated.ts';

const LEASE_LOST = 'session ended: the gateway has lost contact with control. Connect again in a few minutes.';

/** A gateway worker: it carries sessions, does what control says, and holds nothing of value but the gateway's host key. */
export class GatewayWorker implements Listeners {
  readonly #log: Log;
  readonly #link: ControlLink;
  readonly #sessions: LiveSessions;
  readonly #unauthenticated: Unauthenticated;
  readonly #registry = new Registry();
  #server: Downstream | null = null;
  #isDraining = false;

  constructor(log: Log, surroundings?: Surroundings) {
    this.#log = log;
    this.#link = new ControlLink(this, surroundings);
    this.#sessions = new LiveSessions(this.#link);
    this.#unauthenticated = new Unauthenticated(this.#link);
  }

  registry(entries: readonly RegistryEntry[]): void {
    for (const entry of entries) this.#registry.know(entry);
  }

  start(start: Start): void {
    void this.#start(start);
  }

  socket(connection: Socket, { connection: number, remoteAddress, head }: Handed): void {
    connection.on('error', () => connection.destroy());
    this.#unauthenticated.add(number, connection);
    const server = this.#isDraining ? null : this.#server;
    if (!server || this.#unauthenticated.isNotToCome(number)) return void connection.destroy();
    connection.setNoDelay(true);
    connection.unshift(Buffer.from(head, 'base64'));
    server.accept(connection, { kind: 'outer', remoteAddress });
  }

  turnAway(number: number, message: string): void {
    const connection = this.#unauthenticated.find(number);
    if (connection) this.#server?.turnAway(connection, message);
    else this.#unauthenticated.expectNot(number);
  }

  terminate(order: Terminate): void {
    this.#sessions.terminate(order);
  }

  extend(order: Extend): void {
    this.#sessions.extend(order);
  }

  watch(order: Watch): void {
    this.#sessions.watch(order);
  }

  drain(ms: number): void {
    this.#isDraining = true;
    if (ms === 0 || this.#sessions.count === 0) return void this.#sessions.endAll(RESTARTING.message);
    const seconds = Math.ceil(ms / 1_000);
    this.#sessions.notice(`the gateway is restarting: this session ends in ${seconds} seconds.`);
    setTimeout(() => this.#sessions.endAll(RESTARTING.message), ms);
  }

  leaseLost(): void {
    this.#sessions.endAll(LEASE_LOST);
  }

  sessions(): number {
    return this.#sessions.count;
  }

  carries(whose: Whose): readonly SessionId[] {
    return this.#sessions.of(whose);
  }

  async #start(start: Start): Promise<void> {
    mkdirSync(start.spool, { recursive: true, mode: 0o700 });
    setRekeying(start.limits);
    const recorder = await Recorder.start(start.recipients);
    const space = new SpoolSpace(start);
    this.#server = downstreamServer(this.#host(start, recorder, space));
    setInterval(() => void this.#keepReserve(space), RESERVE_CHECK_MS);
    this.#link.ready();
  }

  #host(start: Start, recorder: Recorder, space: SpoolSpace): DownstreamHost {
    const { site, hostKey, algorithms, limits } = start;
    const userCa = parsePublicKeyLine(start.userCa);
    if (!userCa.ok) throw new Error(`the user CA cannot be read: ${userCa.refusal.why}`);
    return {
      ...{ site, hostKey, algorithms, limits, at: at(start), userCa: encodePublicKey(userCa.value) },
      ...{ log: this.#log, registry: this.#registry },
      authorize: async (ask) => (await this.#obstacle(start, ask, space)) ?? this.#link.authorize(ask),
      ask: (sshSessionId, words) => this.#link.ask(sshSessionId, words),
      jumpOver: (sshSessionId) => this.#link.jumpOver(sshSessionId),
      begin: (session) => this.#sessions.begin({ ...start, recorder }, session),
      reached: (connection, step, key) => this.#unauthenticated.reached(connection, step, key),
      authenticated: (connection) => this.#unauthenticated.isIn(connection),
      refused: (refusal) => this.#link.refused(refusal),
    };
  }

  /** What forbids a session before control is asked for one. */
  async #obstacle(start: Start, ask: Ask, space: SpoolSpace): Promise<Answer | null> {
    if (this.#isDraining || !this.#link.mayBegin) {
      const message = 'The gateway is not accepting new sessions right now. Connect again in a minute.';
      return { kind: 'refused', code: 'no_lease', message };
    }
    if (ask.sessionKey === null) return null;
    const free = await space.tooLittle();
    if (free === null) return null;
    const message = wordForTerminal({ code: 'disk_full', freeMiB: free }, at(start));
    return { kind: 'refused', code: 'disk_full', message };
  }

  async #keepReserve(space: SpoolSpace): Promise<void> {
    if (this.#sessions.count > 0 && (await space.isAtReserve())) this.#sessions.outOfSpace();
  }
}

/** The name and the port that people know come first and last. */
const at = ({ gateway: { hosts, ports } }: Start): string => gatewayAddress(hosts[0] ?? '', ports.at(-1) ?? 22);
