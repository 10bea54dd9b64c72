import { SIGNATURE_ALGORITHMS } from '../sshwire/userauth.ts';
import { extInfo, MESSAGE } from './messages.ts';
import type { KeyExchange, Protocol } from './ssh2-internals.ts';

/** Where ssh2's key exchanges are not what RFC 4253, RFC 8308 and OpenSSH's PROTOCOL say, mended on one connection. */

/** RFC 4253 §7.1: between KEXINIT and NEWKEYS these may come as well. */
const ALWAYS_ALLOWED: ReadonlySet<number | undefined> = new Set([MESSAGE.IGNORE, MESSAGE.UNIMPLEMENTED, MESSAGE.DEBUG]);

/** What ssh2 takes for a message of no type that it knows, and passes over: while no keys are exchanged, and then (RFC 4253 §12). */
const NOTHING = { otherwise: Buffer.of(0), withinExchange: Buffer.of(49) } as const;

/**
 * Sees each message that ssh2 is about to parse, and whether the layers above have taken it; what it returns is parsed in its place.
 * `send` is for what we have to say ourselves.
 */
export function mendExchanges(
  protocol: Protocol,
  send: (payload: Uint8Array) => void,
): (payload: Buffer, isTaken: boolean) => Buffer {
  let isFirst = protocol._kex?.sessionID === undefined;
  return (payload, isTaken) => {
    const [number] = payload;
    const { _kex: kex } = protocol;
    if (isFirst && number === MESSAGE.KEX_ECDH_INIT && kex?.remoteExtInfoEnabled) sendExtInfoEarly(protocol, kex, send);
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
 * RFC 8308 §2.4: EXT_INFO is the packet after the server's first NEWKEYS. ssh2 waits for the client's NEWKEYS, by when clients have
 * chosen how to sign. So what we send is encrypted with the new keys at once; what we read is, from the client's NEWKEYS on.
 */
function sendExtInfoEarly(protocol: Protocol, kex: KeyExchange, send: (payload: Uint8Array) => void): void {
  if (!protocol._server) return;
  const { finish } = kex;
  kex.finish = (): unknown => {
    finish.call(kex);
    if (!kex._sentNEWKEYS) return undefined;
    const { finish: takeIntoUse } = kex;
    const before = protocol._decipher;
    takeIntoUse(true);
    const after = protocol._decipher;
    protocol._decipher = before;
    const { _onHandshakeComplete: complete } = protocol;
    let negotiated: unknown;
    protocol._onHandshakeComplete = (value) => {
      negotiated = value;
    };
    takeIntoUse();
    protocol._onHandshakeComplete = complete;
    send(extInfo([['server-sig-algs', SIGNATURE_ALGORITHMS.join(',')]]));
    kex.remoteExtInfoEnabled = false;
    kex.finish = () => {
      // Strict kex has it begin anew.
      after.inSeqno = before.inSeqno;
      protocol._decipher = after;
      complete(negotiated);
      return false;
    };
    return undefined;
  };
}
