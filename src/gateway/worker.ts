import { mkdirSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SessionId } from '../access/ids.ts';
import { createLog } from '../log.ts';
import { ControlLink, type Start, type Terminate } from './control-link.ts';
import { downstreamServer, type NewSession } from './downstream.ts';
import { UNAUTHENTICATED_MAX, UNAUTHENTICATED_PER_ADDRESS_MAX } from './limits.ts';
import { GatewaySession } from './session.ts';

/** A gateway worker: one process that carries sessions and holds nothing of value but the gateway's host key. */

const MIB = 1024 * 1024;
const REMEMBERED_TERMINATIONS_MAX = 10_000;
const log = createLog();
const sessions = new Map<SessionId, GatewaySession>();
/** Orders for sessions that have not begun here: the order and the session may cross on their way. */
const terminated = new Map<SessionId, Terminate>();
const unauthenticated = new Map<Duplex, string>();
let server: ReturnType<typeof downstreamServer> | null = null;
let isDraining = false;

const link = new ControlLink({
  start,
  socket,
  terminate,
  drain: () => {
    isDraining = true;
    endAll('shutdown', 'daypass: ended: the gateway is being restarted. Connect again in a moment.');
  },
  sessions: () => sessions.size,
  leaseLost: () => endAll('shutdown', 'daypass: ended: the gateway has lost its control. Connect again in a moment.'),
});

function start(message: Start): void {
  mkdirSync(message.spool, { recursive: true, mode: 0o700 });
  server = downstreamServer({
    hostKey: message.hostKey,
    log,
    authorize: async (ask) => {
      const refusal =
        link.mayBegin && !isDraining
          ? await diskRefusal(message)
          : 'The gateway is not taking sessions at the moment. Try again in a minute.';
      if (refusal) return { kind: 'refused', code: 'gateway', message: refusal };
      return link.authorize(ask);
    },
    begin: (session) => begin(message, session),
    authenticated: (connection) => unauthenticated.delete(connection),
  });
  link.ready();
}

async function diskRefusal({ spool, minFreeMiB }: Start): Promise<string | null> {
  const { bavail, bsize } = await statfs(spool);
  const freeMiB = Math.floor((bavail * bsize) / MIB);
  if (freeMiB >= minFreeMiB) return null;
  return `Sessions are recorded, and the recordings' disk has only ${freeMiB} MiB left, so none can begin. Tell whoever runs Daypass.`;
}

async function begin(
  { spool }: Start,
  { connection, granted, proof, key, origin }: NewSession,
): Promise<GatewaySession> {
  const session = await GatewaySession.begin({
    ...{ connection, granted, proof, key, spool },
    via: origin.kind === 'inner' ? 'jump' : 'direct',
    clientAddress: origin.remoteAddress,
    opened: (id) => link.opened(id),
    closed: (id, report) => {
      sessions.delete(id);
      link.closed(id, report);
    },
    release: () => {
      if (origin.kind === 'inner') origin.release();
    },
  });
  sessions.set(session.id, session);
  const order = terminated.get(session.id);
  if (order) void session.end({ how: 'terminated', why: order.why }, order.message);
  return session;
}

function terminate(order: Terminate): void {
  for (const id of order.sessions) {
    const session = sessions.get(id);
    if (session) void session.end({ how: 'terminated', why: order.why }, order.message);
    else {
      terminated.set(id, order);
      const [oldest] = terminated.keys();
      if (terminated.size > REMEMBERED_TERMINATIONS_MAX && oldest) terminated.delete(oldest);
    }
  }
}

function endAll(why: Terminate['why'], message: string): void {
  for (const session of sessions.values()) void session.end({ how: 'terminated', why }, message);
}

function socket(connection: Socket, remoteAddress: string): void {
  connection.on('error', () => connection.destroy());
  if (!server || isDraining) return void connection.destroy();
  makeRoom(remoteAddress);
  unauthenticated.set(connection, remoteAddress);
  connection.once('close', () => unauthenticated.delete(connection));
  connection.setNoDelay(true);
  server.accept(connection, { kind: 'outer', remoteAddress });
}

/** When too many wait to log in, the one that has waited longest goes: of this address, or of all. */
function makeRoom(address: string): void {
  const ofAddress = [...unauthenticated].filter(([, each]) => each === address).map(([waiting]) => waiting);
  if (ofAddress.length >= UNAUTHENTICATED_PER_ADDRESS_MAX) ofAddress[0]?.destroy();
  const [oldest] = unauthenticated.keys();
  if (unauthenticated.size >= UNAUTHENTICATED_MAX) oldest?.destroy();
}
