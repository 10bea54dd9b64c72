import type { Duplex } from 'node:stream';
import { encode, string, uint8 } from '../../sshwire/bytes.ts';
import { SIGNATURE_ALGORITHMS } from '../../sshwire/userauth.ts';
import { extInfo, MESSAGE } from './messages.ts';
import { readProposal } from './negotiation.ts';
import type { KeyExchange, Protocol } from './ssh2-internals.ts';

/** Where ssh2's key exchanges are not what RFC 4253, RFC 8308 and OpenSSH's PROTOCOL say, mended on one connection. */

/** RFC 4253 §7.1: between KEXINIT and NEWKEYS these may come as well. */
const ALWAYS_ALLOWED: ReadonlySet<number | undefined> = new Set([MESSAGE.IGNORE, MESSAGE.UNIMPLEMENTED, MESSAGE.DEBUG]);

/** What ssh2 takes for a message of no type that it knows, and passes over: while no keys are exchanged, and then (RFC 4253 §12). */
const NOTHING = { otherwise: Buffer.of(0), withinExchange: Buffer.of(49) } as const;

/** How we say something ourselves. */
type Wire = { readonly socket: Duplex | undefined; readonly send: (payload: Uint8Array) => void };

/** Sees each message that ssh2 is about to parse, and whether the layers above have taken it; what it returns is parsed in its place. */
export function mendExchanges(protocol: Protocol, wire: Wire): (payload: Buffer, isTaken: boolean) => Buffer {
  let isFirst = protocol._kex?.sessionID === undefined;
  const guess = mendGuesses(protocol);
  return (payload, isTaken) => {
    const [number] = payload;
    const { _kex: kex } = protocol;
    if (number === MESSAGE.KEXINIT) guess(payload);
    if (isFirst && number === MESSAGE.KEX_ECDH_INIT && kex?.remoteExtInfoEnabled) sendExtInfoEarly(protocol, kex, wire);
    if (number === MESSAGE.NEWKEYS) isFirst = false;
    const isExchanging = protocol._decipher._onPayload !== protocol._onPayload;
    if (isFirst || !isExchanging || !kex) return isTaken ? NOTHING.otherwise : payload;
    // Strict kex forbids messages between in a connection's first exchange only (OpenSSH PROTOCOL, "strict key exchange"); ssh2 in
    // all. AsyncSSH sends IGNORE in later ones, and one message of a channel behind its KEXINIT, as sshd bears with.
    if (!isTaken && !ALWAYS_ALLOWED.has(number)) return payload;
    kex.parse = () => {
      Reflect.deleteProperty(kex, 'parse');
    };
    return NOTHING.withinExchange;
  };
}

/**
 * RFC 4253 §7: a peer may send the first message of the key exchange that it expects behind its KEXINIT; it is for nothing where the
 * first names of the two sides differ. ssh2 drops it always, and Dropbear, which guessed right, waits for an answer.
 */
function mendGuesses(protocol: Protocol): (kexinit: Buffer) => void {
  let isWrong = false;
  let isSkipping = false;
  Object.defineProperty(protocol, '_skipNextInboundPacket', {
    configurable: true,
    get: () => isSkipping,
    set: (value: boolean) => {
      isSkipping = value && isWrong;
    },
  });
  return (kexinit) => {
    const theirs = readProposal(kexinit);
    const { kex, serverHostKey } = protocol._offer.lists;
    isWrong = theirs?.[0]?.[0] !== kex.array[0] || theirs?.[1]?.[0] !== serverHostKey.array[0];
  };
}

/**
 * RFC 8308 §2.4: EXT_INFO is the packet after the server's first NEWKEYS. ssh2 waits for the client's NEWKEYS, by when clients have
 * chosen how to sign. So what we send is encrypted with the new keys at once; what we read is, from the client's NEWKEYS on. Both go
 * out in one piece: libssh chooses as soon as it has read NEWKEYS.
 */
function sendExtInfoEarly(protocol: Protocol, kex: KeyExchange, { socket, send }: Wire): void {
  if (!protocol._server) return;
  const { finish } = kex;
  kex.finish = () => {
    socket?.cork();
    try {
      finish.call(kex);
      if (!kex._sentNEWKEYS) return;
      useNewKeysOutward(protocol, kex, () => send(NUDGE));
      send(extInfo([['server-sig-algs', SIGNATURE_ALGORITHMS.join(',')]]));
      // So that ssh2 sends none as well.
      kex.remoteExtInfoEnabled = false;
    } finally {
      socket?.uncork();
    }
  };
}

/**
 * IGNORE (RFC 4253 §11.2) at the client's NEWKEYS, where nothing else is due: it takes TCP's acknowledgement along, which the kernel holds
 * back for 40 ms otherwise, and a client under Nagle's algorithm waits for it before it sends its service request.
 */
const NUDGE = encode(uint8(MESSAGE.IGNORE), string(''));

/** Of ssh2's two steps, at the client's NEWKEYS, takes the second now and leaves the first, and what is told of both, to that moment. */
function useNewKeysOutward(protocol: Protocol, kex: KeyExchange, taken: () => void): void {
  const { finish: takeIntoUse } = kex;
  const { _decipher: before, _onHandshakeComplete: complete } = protocol;
  takeIntoUse(true);
  const { _decipher: after } = protocol;
  protocol._decipher = before;
  let negotiated: unknown;
  protocol._onHandshakeComplete = (value) => {
    negotiated = value;
  };
  takeIntoUse();
  protocol._onHandshakeComplete = complete;
  kex.finish = () => {
    // Strict kex has it begin anew.
    after.inSeqno = before.inSeqno;
    protocol._decipher = after;
    taken();
    complete(negotiated);
    return false;
  };
}
