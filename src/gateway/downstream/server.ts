import type { Duplex } from 'node:stream';
import ssh2 from 'ssh2';
import { TURNED_AWAY_LINGER_MS } from '../limits.ts';
import { BEHIND_GCM, downstreamAlgorithms } from '../ssh/algorithms.ts';
import { IDENTIFICATION, plainDisconnect, SOFTWARE } from '../ssh/messages.ts';
import { internalsOf, offerCiphers, skipIdentification } from '../ssh/ssh2-internals.ts';
import { DownstreamConnection, type DownstreamHost } from './connection.ts';
import type { Accept, Origin } from './origin.ts';

export type Downstream = {
  /** The client of an outer connection has read our identification. */
  readonly accept: Accept;
  /** Ends a connection that is not in, and says why where there is a way to. */
  turnAway(socket: Duplex, sentence: string): void;
};

/** What ssh2 says of a packet over 35,000 bytes, more than RFC 4253 §6.1 asks anybody to take. */
const PACKET_TOO_LONG = 'Bad packet length';
const TOO_LONG =
  'daypass: a message was longer than 35,000 bytes. A command can have 32,768: put a longer one in a file, copy the file and run it.';

type Waiting = { readonly origin: Origin; readonly kex: NodeJS.Timeout; readonly login: NodeJS.Timeout };

/** The SSH server that contractors meet. `accept` takes a byte stream and where it comes from. */
export function downstreamServer(host: DownstreamHost): Downstream {
  const waiting = new WeakMap<Duplex, Waiting>();
  const connections = new WeakMap<Duplex, DownstreamConnection>();
  const { keepaliveMs, unansweredMs } = host.limits;
  const server = new ssh2.Server({
    hostKeys: [host.hostKey],
    algorithms: downstreamAlgorithms(host.algorithms),
    ident: SOFTWARE,
    keepaliveInterval: keepaliveMs,
    keepaliveCountMax: Math.max(1, Math.round(unansweredMs / keepaliveMs) - 1),
  } as never);
  const accept: Accept = (socket, origin) => {
    const { kexMs, loginMs } = host.limits;
    // Silent peers never come as far as a connection of ssh2: time runs on the socket.
    const kex = setTimeout(() => socket.destroy(), kexMs);
    const login = setTimeout(() => socket.destroy(), loginMs);
    waiting.set(socket, { origin, kex, login });
    socket.once('close', () => {
      clearTimeout(kex);
      clearTimeout(login);
    });
    if (origin.kind === 'outer') skipIdentification(socket, IDENTIFICATION);
    server.injectSocket(socket as never);
  };
  const turnAway = (socket: Duplex, sentence: string): void => {
    const connection = connections.get(socket);
    if (connection) connection.turnAway(sentence);
    else socket.end(plainDisconnect(sentence));
    setTimeout(() => socket.destroy(), TURNED_AWAY_LINGER_MS);
  };
  server.on('error', (error: Error) => host.log.warn({ err: error }, 'ssh server error'));
  server.on('connection', (connection, { header }) => {
    // First of all: ssh2 throws errors that nobody listens to.
    connection.on('error', (error: Error) => {
      host.log.debug({ err: error }, 'contractor connection error');
      // The cipher's state is lost from here on; what we send is still read.
      if (error.message.startsWith(PACKET_TOO_LONG)) established?.leave(TOO_LONG);
      else if (!established?.isLeaving) internalsOf(connection)._sock.destroy();
    });
    let established: DownstreamConnection | null = null;
    const socket = internalsOf(connection)._sock;
    const known = waiting.get(socket);
    if (!known) return void socket.destroy();
    const { software } = header.versions;
    if (host.algorithms.ciphers === null && !BEHIND_GCM.notFor.test(software))
      offerCiphers(internalsOf(connection)._protocol, BEHIND_GCM.ciphers);
    connection.once('handshake', () => clearTimeout(known.kex));
    connection.once('ready', () => clearTimeout(known.login));
    established = new DownstreamConnection(host, connection, socket, known.origin, accept);
    connections.set(socket, established);
  });
  return { accept, turnAway };
}
