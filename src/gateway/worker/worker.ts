import { mkdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { RESERVE } from '../../access/disk-space.ts';
import type { SessionId } from '../../access/ids.ts';
import { createLog } from '../../log.ts';
import { Recorder } from '../../recording/write/recorder.ts';
import { freeMiB } from '../../recording/write/session-recording.ts';
import { encodePublicKey, parsePublicKeyLine } from '../../sshwire/public-key.ts';
import type { NewSession } from '../downstream/connection.ts';
import { type Downstream, downstreamServer } from '../downstream/server.ts';
import { NOT_TO_COME_MAX, RESERVE_CHECK_MS } from '../limits.ts';
import { Registry } from '../pipe/registry.ts';
import type { Answer, Ask, Handed } from '../pipe/worker-messages.ts';
import { Session } from '../session/session.ts';
import { setRekeying } from '../ssh/transport.ts';
import { gatewayAddress, plainLine, wordForTerminal } from '../words/refusals.ts';
import { ControlLink, type Start, type Terminate, type Watch } from './control-link.ts';

/** A gateway worker: one process that carries sessions and holds nothing of value but the gateway's host key. */

// A terminal that closes, or an operator who means control, sends it to the whole process group.
process.on('SIGHUP', () => {});

const log = createLog();
const sessions = new Map<SessionId, Session>();
/** Connections that have not logged in, by their number. */
const unauthenticated = new Map<number, Socket>();
const numbers = new WeakMap<Duplex, number>();
/** Those that are to be turned away and have not arrived: orders and sockets come by different ways. */
const notToCome = new Set<number>();
const registry = new Registry();
let server: Downstream | null = null;
let isDraining = false;
let isLooking = false;

const RESTARTING = 'session ended: the gateway is restarting. Connect again in a minute.';

const link = new ControlLink({
  registry: (entries) => {
    for (const entry of entries) registry.know(entry);
  },
  start: (message) => void start(message),
  socket,
  turnAway,
  terminate: ({ sessions: ids, why, message }) => {
    for (const id of ids) end(id, why, message);
  },
  extend: ({ session, ...under }) => sessions.get(session)?.extend({ ...under, endsAt: new Date(under.endsAt) }),
  drain: (ms) => {
    isDraining = true;
    if (ms > 0 && sessions.size > 0) {
      const seconds = Math.ceil(ms / 1_000);
      for (const session of sessions.values()) {
        session.channels.notice(`the gateway is restarting: this session ends in ${seconds} seconds.`);
      }
      setTimeout(() => endAll(RESTARTING), ms);
    } else endAll(RESTARTING);
  },
  watch: (order) => watch(order),
  sessions: () => sessions.size,
  leaseLost: () => endAll('session ended: the gateway has lost contact with control. Connect again in a few minutes.'),
});

async function start(message: Start): Promise<void> {
  mkdirSync(message.spool, { recursive: true, mode: 0o700 });
  setRekeying(message.limits);
  const userCa = parsePublicKeyLine(message.userCa);
  if (!userCa.ok) throw new Error(`the user CA cannot be read: ${userCa.refusal.why}`);
  const recorder = await Recorder.start(message.recipients);
  server = downstreamServer({
    site: message.site,
    at: at(message),
    hostKey: message.hostKey,
    userCa: encodePublicKey(userCa.value),
    algorithms: message.algorithms,
    limits: message.limits,
    log,
    authorize: async (ask) => (await obstacle(message, ask)) ?? link.authorize(ask),
    registry,
    ask: (sshSessionId, words) => link.ask(sshSessionId, words),
    jumpOver: (sshSessionId) => link.jumpOver(sshSessionId),
    begin: (session) => begin({ ...message, recorder }, session),
    reached: (connection, step, key) => {
      const number = numbers.get(connection);
      if (number !== undefined) link.atDoor(number, step, key);
    },
    authenticated: (connection) => over(numbers.get(connection), 'in'),
    refused: (refusal) => link.refused(refusal),
  });
  setInterval(() => keepReserve(message), RESERVE_CHECK_MS);
  link.ready();
}

/** What is left then is control's, whose database, seals and commands need some of the same disk. */
function keepReserve({ spool, minFreeMiB }: Start): void {
  if (sessions.size === 0 || isLooking) return;
  isLooking = true;
  freeMiB(spool)
    .then((free) => {
      if (free >= minFreeMiB * RESERVE) return;
      for (const session of sessions.values()) session.outOfSpace();
    })
    // Where the disk does not answer, recording fails by itself.
    .catch(() => {})
    .finally(() => {
      isLooking = false;
    });
}

/** What forbids a session before control is asked for one. */
async function obstacle(start: Start, ask: Ask): Promise<Answer | null> {
  if (isDraining || !link.mayBegin) {
    const message = 'The gateway is not accepting new sessions right now. Connect again in a minute.';
    return { kind: 'refused', code: 'no_lease', message };
  }
  if (ask.sessionKey === null) return null;
  const free = await freeMiB(start.spool);
  if (free >= start.minFreeMiB) return null;
  const message = wordForTerminal({ code: 'disk_full', freeMiB: free }, at(start));
  return { kind: 'refused', code: 'disk_full', message };
}

/** The name and the port that people know come first and last. */
const at = ({ gateway: { hosts, ports } }: Start): string => gatewayAddress(hosts[0] ?? '', ports.at(-1) ?? 22);

type Place = Pick<Start, 'spool' | 'gateway' | 'limits'> & { readonly recorder: Recorder };

function begin(
  { spool, gateway, limits: { targetLoginMs }, recorder }: Place,
  { authorized, proof, key, origin, client }: NewSession,
): Session {
  const { id } = authorized;
  const session = new Session(
    {
      authorized: { ...authorized, endsAt: new Date(authorized.endsAt) },
      via: origin.kind === 'inner' ? 'jump' : 'direct',
      clientAddress: origin.remoteAddress,
      ...{ proof, key, targetLoginMs, spool, client, gateway, recorder },
    },
    {
      opened: (head) => link.opened(id, head),
      cut: () => link.cut(id),
      unwatched: (watches) => {
        for (const watch of watches) link.watchOver(watch);
      },
      closed: (report) => {
        sessions.delete(id);
        link.closed(id, report);
      },
    },
  );
  sessions.set(id, session);
  return session;
}

function watch(order: Watch): void {
  const session = sessions.get(order.session);
  if (order.type === 'unwatch') return void session?.channels.unwatch(order.watch);
  if (!session) return void link.watchOver(order.watch);
  const told = order.told === null ? null : plainLine(order.told);
  session.channels.watch(order.watch, told, (shown) => link.watched(order.watch, shown));
}

function end(id: SessionId, why: Terminate['why'], message: string): void {
  sessions.get(id)?.terminate(why, plainLine(message));
}

function endAll(message: string): void {
  for (const id of sessions.keys()) end(id, 'shutdown', message);
}

function socket(connection: Socket, { connection: number, remoteAddress, head }: Handed): void {
  connection.on('error', () => connection.destroy());
  unauthenticated.set(number, connection);
  numbers.set(connection, number);
  connection.once('close', () => over(number, 'gone'));
  if (!server || isDraining || notToCome.delete(number)) return void connection.destroy();
  connection.setNoDelay(true);
  connection.unshift(Buffer.from(head, 'base64'));
  server.accept(connection, { kind: 'outer', remoteAddress });
}

function over(number: number | undefined, how: 'in' | 'gone'): void {
  if (number !== undefined && unauthenticated.delete(number)) link.atDoor(number, how);
}

function turnAway(number: number, message: string): void {
  const connection = unauthenticated.get(number);
  if (connection) server?.turnAway(connection, message);
  else {
    notToCome.add(number);
    const [oldest] = notToCome;
    if (notToCome.size > NOT_TO_COME_MAX && oldest !== undefined) notToCome.delete(oldest);
  }
}
