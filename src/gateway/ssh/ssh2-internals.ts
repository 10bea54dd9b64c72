import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import type { Client, Connection } from 'ssh2';
import { PACKET_HEADER, packetFor } from './packets.ts';
import { mendExchanges } from './ssh2-exchanges.ts';

/**
 * What the gateway reaches into of ssh2 beyond its documented interface, typed, in one place. ssh2 does the transport (RFC 4253)
 * and the login (RFC 4252); messages of the connection protocol (RFC 4254) are taken before it parses them. The version is pinned
 * exactly, and what is missing is a fault at the first connection.
 */
export const SSH2_VERSION = '1.17.0';

type NameList = { readonly array: readonly string[] };
type Direction = {
  readonly cipher: NameList;
  readonly mac: NameList;
  readonly compress: NameList;
  readonly lang: NameList;
};
type Offer = {
  readonly lists: {
    readonly kex: NameList;
    readonly serverHostKey: NameList;
    readonly cs: Direction;
    readonly sc: Direction;
  };
};

export type Protocol = {
  /** What our KEXINIT offers (RFC 4253 §7.1); a server sends it after the client's identification. */
  _offer: Offer;
  readonly _server: boolean;
  /** Of the peer, once it was read. */
  readonly _remoteIdentRaw: Buffer | undefined;
  readonly _kex: KeyExchange | undefined;
  /** Present from our KEXINIT to the end of that key exchange. */
  readonly _kexinit: Buffer | undefined;
  /** What decrypts; it hands messages to `_onPayload` of the protocol, and to another function while keys are exchanged. */
  _decipher: { inSeqno: number; readonly _onPayload: unknown };
  readonly _onPayload: unknown;
  _onHandshakeComplete: (negotiated: unknown) => void;
  readonly _packetRW: {
    read: { read(payload: Buffer): Buffer; cleanup(): void };
    readonly write: {
      readonly allocStart: number;
      readonly allocStartKEX: number;
      alloc(size: number, isAtOnce?: boolean): Buffer;
      finalize(packet: Buffer, isAtOnce?: boolean): Buffer;
    };
  };
  /** What encrypts; another one after each key exchange. */
  readonly _cipher: object;
  readonly _authsQueue: string[];
  /** Sends a KEXINIT (RFC 4253 §9); what is sent until the exchange is over waits. */
  rekey(): void;
  authPK: unknown;
  authNone: unknown;
};

/** One key exchange (RFC 4253 §7). */
export type KeyExchange = {
  readonly sessionID: Buffer | undefined;
  /** The client said ext-info-c (RFC 8308 §2.1). */
  remoteExtInfoEnabled: boolean;
  readonly _sentNEWKEYS: boolean;
  parse(payload: Buffer): unknown;
  /** Of a server: first sends its reply and NEWKEYS, then takes the new keys into use. */
  finish: (isPartial?: boolean) => unknown;
};

type Internals = { readonly _protocol: Protocol; readonly _sock: Duplex };

type Utilities = { sendPacket(protocol: Protocol, packet: Buffer, isAtOnce?: boolean): void };
const require = createRequire(import.meta.url);
const utilities = require('ssh2/lib/protocol/utils.js') as Utilities;
const { KexInit } = require('ssh2/lib/protocol/kex.js') as { KexInit: new (lists: object) => Offer };
const { version } = require('ssh2/package.json') as { version: string };

export function internalsOf(connection: Connection | Client): Internals {
  const internals = connection as unknown as Internals;
  const packets = internals._protocol?._packetRW;
  const isKnown =
    version === SSH2_VERSION &&
    typeof utilities.sendPacket === 'function' &&
    typeof KexInit === 'function' &&
    Array.isArray(internals._protocol._offer?.lists?.cs?.cipher?.array) &&
    typeof packets?.read?.read === 'function' &&
    typeof packets.write?.alloc === 'function' &&
    typeof packets.write.finalize === 'function' &&
    typeof internals._protocol._cipher === 'object' &&
    typeof internals._protocol._onHandshakeComplete === 'function' &&
    typeof internals._protocol._onPayload === 'function' &&
    Array.isArray(internals._protocol._authsQueue) &&
    typeof internals._protocol.rekey === 'function' &&
    typeof internals._sock?.destroy === 'function';
  if (!isKnown)
    throw new Error(`ssh2 ${version} is not the version that the gateway was written for (${SSH2_VERSION})`);
  return internals;
}

/** The lists of our KEXINIT, in its order. */
export const proposalOf = ({ _offer: { lists } }: Protocol): readonly (readonly string[])[] =>
  [
    ...[lists.kex, lists.serverHostKey, lists.cs.cipher, lists.sc.cipher],
    ...[lists.cs.mac, lists.sc.mac, lists.cs.compress, lists.sc.compress],
  ].map(({ array }) => array);

/** Offers more ciphers, behind the others, on a connection that has not sent its KEXINIT. */
export function offerCiphers(protocol: Protocol, ciphers: readonly string[]): void {
  const { kex, serverHostKey, cs, sc } = protocol._offer.lists;
  const direction = ({ cipher: { array }, mac, compress, lang }: Direction): object => {
    const [macs, compressions, languages] = [mac, compress, lang].map((list) => list.array);
    return { cipher: [...array, ...ciphers], mac: macs, compress: compressions, lang: languages };
  };
  protocol._offer = new KexInit({
    ...{ kex: kex.array, serverHostKey: serverHostKey.array },
    ...{ cs: direction(cs), sc: direction(sc) },
  });
}

/**
 * ssh2 begins each connection with its identification (RFC 4253 §4.2). The peer of this one has it already: what is written first is
 * held back where it is just that, and ends the connection where it is not.
 */
export function skipIdentification(socket: Duplex, identification: string): void {
  const { write } = socket;
  socket.write = (chunk: unknown): boolean => {
    socket.write = write;
    const isKnown = chunk instanceof Uint8Array && Buffer.from(chunk).equals(Buffer.from(identification));
    if (!isKnown) socket.destroy();
    return isKnown;
  };
}

/**
 * Shows every message to `take` before ssh2 parses it, after decryption; what it takes (true) ssh2 never sees. With compression off
 * the reader that ssh2 puts in place after each key exchange has no state, so ours stays.
 */
export function tapMessages(protocol: Protocol, take: (payload: Buffer) => boolean, socket?: Duplex): void {
  const mend = mendExchanges(protocol, { socket, send: (payload) => sendPayload(protocol, payload) });
  const reader = { read: (payload: Buffer): Buffer => mend(payload, take(payload)), cleanup(): void {} };
  Object.defineProperty(protocol._packetRW, 'read', { configurable: true, get: () => reader, set: () => {} });
}

/** Sends one message of `length` bytes, which `write` fills in from `start` (RFC 4253 §6). */
export function sendMessage(protocol: Protocol, length: number, write: (packet: Buffer, start: number) => void): void {
  const { write: writer } = protocol._packetRW;
  const start = writer.allocStart;
  // What is sent during a key exchange waits inside ssh2.
  const isAtOnce = protocol._kexinit === undefined && start === PACKET_HEADER;
  const packet = (isAtOnce && packetFor(protocol._cipher, length)) || writer.alloc(length);
  write(packet, start);
  utilities.sendPacket(protocol, writer.finalize(packet));
}

export const sendPayload = (protocol: Protocol, payload: Uint8Array): void =>
  sendMessage(protocol, payload.length, (packet, start) => packet.set(payload, start));

/** Sends a message of the transport within a key exchange (RFC 4253 §7.1), where others wait for its end. */
export function sendAtOnce(protocol: Protocol, payload: Uint8Array): void {
  const { write: writer } = protocol._packetRW;
  const packet = writer.alloc(payload.length, true);
  packet.set(payload, writer.allocStartKEX);
  utilities.sendPacket(protocol, writer.finalize(packet, true), true);
}
