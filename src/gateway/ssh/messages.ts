import { randomBytes } from 'node:crypto';
import { encode, string, uint8, uint32 } from '../../sshwire/bytes.ts';

/** OpenSSH's tools ask for some of their extensions only where the name suggests that they are known. */
export const SOFTWARE = 'OpenSSH_compatible_Daypass';
/** RFC 4253 §4.2: what a server's side of a connection begins with. */
export const IDENTIFICATION = `SSH-2.0-${SOFTWARE}\r\n`;

/** Message numbers of RFC 4253 §12, RFC 8308 §2.3, RFC 4252 §6 and RFC 4254 §9. */
export const MESSAGE = {
  DISCONNECT: 1,
  IGNORE: 2,
  UNIMPLEMENTED: 3,
  DEBUG: 4,
  EXT_INFO: 7,
  KEXINIT: 20,
  NEWKEYS: 21,
  /** RFC 5656 §7.1: the same number as KEXDH_INIT. */
  KEX_ECDH_INIT: 30,
  USERAUTH_REQUEST: 50,
  USERAUTH_BANNER: 53,
  GLOBAL_REQUEST: 80,
  REQUEST_SUCCESS: 81,
  REQUEST_FAILURE: 82,
  CHANNEL_OPEN: 90,
  CHANNEL_OPEN_CONFIRMATION: 91,
  CHANNEL_OPEN_FAILURE: 92,
  CHANNEL_WINDOW_ADJUST: 93,
  CHANNEL_DATA: 94,
  CHANNEL_EXTENDED_DATA: 95,
  CHANNEL_EOF: 96,
  CHANNEL_CLOSE: 97,
  CHANNEL_REQUEST: 98,
  CHANNEL_SUCCESS: 99,
  CHANNEL_FAILURE: 100,
} as const;

/** RFC 4254 §5.1. */
export const OPEN_FAILURE = { PROHIBITED: 1, CONNECT_FAILED: 2, UNKNOWN_TYPE: 3, SHORTAGE: 4 } as const;
export type OpenFailure = (typeof OPEN_FAILURE)[keyof typeof OPEN_FAILURE];

/** RFC 4254 §5.2: SSH_EXTENDED_DATA_STDERR. */
export const STDERR = 1;

export const flag = (value: boolean): Uint8Array => uint8(value ? 1 : 0);

/** RFC 8308 §2.3: names and values of extensions. */
export const extInfo = (extensions: readonly (readonly [string, string])[]): Uint8Array =>
  encode(
    uint8(MESSAGE.EXT_INFO),
    uint32(extensions.length),
    ...extensions.flatMap(([name, value]) => [string(name), string(value)]),
  );

/** RFC 4252 §5.4. */
export const banner = (text: string): Uint8Array => encode(uint8(MESSAGE.USERAUTH_BANNER), string(text), string(''));

/** RFC 4253 §11.1. */
export const DISCONNECT_REASON = { KEY_EXCHANGE_FAILED: 3, BY_APPLICATION: 11, NO_MORE_AUTH_METHODS: 14 } as const;
export type DisconnectReason = (typeof DISCONNECT_REASON)[keyof typeof DISCONNECT_REASON];

/** RFC 4253 §11.1. Clients show the description. */
export const disconnect = (
  description: string,
  reason: DisconnectReason = DISCONNECT_REASON.BY_APPLICATION,
): Uint8Array => encode(uint8(MESSAGE.DISCONNECT), uint32(reason), string(description), string(''));

/** RFC 4253 §11.1: SSH_DISCONNECT_TOO_MANY_CONNECTIONS, as a whole packet (§6) before there are keys. */
export function plainDisconnect(description: string): Buffer {
  const payload = encode(uint8(MESSAGE.DISCONNECT), uint32(12), string(description), string('en'));
  const short = 8 - ((5 + payload.length) % 8);
  const padding = short < 4 ? short + 8 : short;
  return Buffer.from(encode(uint32(1 + payload.length + padding), uint8(padding), payload, randomBytes(padding)));
}

export const channelOpen = (
  type: string,
  sender: number,
  window: number,
  packet: number,
  more: Uint8Array,
): Uint8Array =>
  encode(uint8(MESSAGE.CHANNEL_OPEN), string(type), uint32(sender), uint32(window), uint32(packet), more);

/** What follows the fixed fields of a direct-tcpip open (RFC 4254 §7.2); the originator is not the target's business. */
export const tunnelTo = (host: string, port: number): Uint8Array =>
  encode(string(host), uint32(port), string('127.0.0.1'), uint32(0));

export const openConfirmation = (recipient: number, sender: number, window: number, packet: number): Uint8Array =>
  encode(uint8(MESSAGE.CHANNEL_OPEN_CONFIRMATION), uint32(recipient), uint32(sender), uint32(window), uint32(packet));

export const openFailure = (recipient: number, reason: OpenFailure, description: string): Uint8Array =>
  encode(uint8(MESSAGE.CHANNEL_OPEN_FAILURE), uint32(recipient), uint32(reason), string(description), string(''));

export const channelMessage = (message: number, recipient: number, ...rest: readonly Uint8Array[]): Uint8Array =>
  encode(uint8(message), uint32(recipient), ...rest);
