import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import type { Client, Connection } from 'ssh2';

/**
 * What the gateway reaches into of ssh2 beyond its documented interface, typed, in one place. The version is pinned exactly, and
 * `checkInternals` fails at start where a name is missing.
 */

export type ChannelState = {
  readonly incoming: { id: number; window: number; state: string };
  readonly outgoing: { id: number; window: number; packetSize: number; state: string };
};

export type ChannelOpenInfo = {
  readonly type: string;
  readonly sender: number;
  readonly window: number;
  readonly packetSize: number;
};

export type ChannelConfirmInfo = Omit<ChannelOpenInfo, 'type'> & { readonly recipient: number };

type Handler<Args extends readonly unknown[]> = (protocol: Protocol, ...args: Args) => void;

export type Handlers = {
  CHANNEL_OPEN?: Handler<[ChannelOpenInfo]>;
  CHANNEL_OPEN_CONFIRMATION?: Handler<[ChannelConfirmInfo]>;
  CHANNEL_DATA?: Handler<[number, Buffer]>;
  CHANNEL_EXTENDED_DATA?: Handler<[number, Buffer, number]>;
  CHANNEL_WINDOW_ADJUST?: Handler<[number, number]>;
};

export type Protocol = {
  readonly _handlers: Handlers;
  readonly _kex: { readonly sessionID: Buffer } | undefined;
  readonly _packetRW: {
    readonly write: { readonly allocStart: number; alloc(size: number): Buffer; finalize(packet: Buffer): Buffer };
  };
  readonly _authsQueue: string[];
  authPK: unknown;
  channelOpenFail(recipient: number, reason: number, description: string): void;
  exitStatus(channel: number, status: number): void;
  exitSignal(channel: number, name: string, coreDumped: boolean, message: string): void;
};

export type Internals = {
  readonly _protocol: Protocol;
  readonly _sock: Duplex;
  readonly _chanMgr: { get(id: number): unknown; readonly _count: number };
};

export const internalsOf = (connection: Connection | Client): Internals => connection as unknown as Internals;

type Utilities = { sendPacket(protocol: Protocol, packet: Buffer): void };
const utilities = createRequire(import.meta.url)('ssh2/lib/protocol/utils.js') as Utilities;

/** Sends one packet whose payload is `payload` (RFC 4253 §6). */
export function sendPayload(protocol: Protocol, payload: Uint8Array): void {
  const { write } = protocol._packetRW;
  const start = write.allocStart;
  const packet = write.alloc(payload.length);
  packet.set(payload, start);
  utilities.sendPacket(protocol, write.finalize(packet));
}

/** The state of a channel that ssh2 keeps under this local number, whether it is a channel or a session around one. */
export function channelState(internals: Internals, id: number): ChannelState | null {
  const found = internals._chanMgr.get(id) as
    | (ChannelState & { _channel?: ChannelState; _chanInfo?: ChannelState })
    | undefined;
  if (!found || typeof found !== 'object') return null;
  const state = found._channel ?? found._chanInfo ?? found;
  return state.incoming ? state : null;
}

/** RFC 4252 §5.4. */
export function sendBanner(protocol: Protocol, text: string): void {
  const message = Buffer.from(text, 'utf8');
  const payload = Buffer.alloc(1 + 4 + message.length + 4);
  payload[0] = 53;
  payload.writeUInt32BE(message.length, 1);
  payload.set(message, 5);
  sendPayload(protocol, payload);
}

/** Node would close a channel once both its directions have ended, and an exit status that is still to come would be lost. */
export function keepHalfOpen(channel: Duplex): void {
  const states = channel as unknown as {
    _readableState: { autoDestroy: boolean };
    _writableState: { autoDestroy: boolean };
  };
  states._readableState.autoDestroy = false;
  states._writableState.autoDestroy = false;
}

export type Exit =
  | { readonly kind: 'status'; readonly code: number }
  | { readonly kind: 'signal'; readonly name: string };

/** RFC 4254 §6.10, also after EOF was sent. */
export function sendExit(connection: Connection, channel: Duplex, exit: Exit): void {
  const state = channel as unknown as ChannelState;
  if (state.outgoing.state !== 'open' && state.outgoing.state !== 'eof') return;
  const { _protocol: protocol } = internalsOf(connection);
  if (exit.kind === 'status') protocol.exitStatus(state.outgoing.id, exit.code);
  else protocol.exitSignal(state.outgoing.id, exit.name, false, '');
}

/** RFC 4254 §5.3, while the other direction goes on. */
export const sendEof = (channel: Duplex): void => (channel as unknown as { eof(): void }).eof();
export const closeChannel = (channel: Duplex): void => (channel as unknown as { close(): void }).close();
