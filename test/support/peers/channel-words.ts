import {
  channelMessage,
  channelOpen,
  flag,
  MESSAGE,
  type OpenFailure,
  openConfirmation,
  openFailure,
  STDERR,
} from '../../../src/gateway/ssh/messages.ts';
import { encode, reader, string, uint8, uint32 } from '../../../src/sshwire/bytes.ts';

/** Messages of the connection protocol (RFC 4254), as a peer of the gateway says and reads them. */

const PACKET = 32_768;

export type Opening = { readonly type?: string; readonly window?: number; readonly packet?: number };

const request = (to: number, name: string, isAnswered: boolean, data: Uint8Array): Uint8Array =>
  channelMessage(MESSAGE.CHANNEL_REQUEST, to, string(name), flag(isAnswered), data);

export const saying = {
  global: (name: string, isAnswered: boolean) => encode(uint8(MESSAGE.GLOBAL_REQUEST), string(name), flag(isAnswered)),
  open: (sender: number, { type = 'session', window = 2 ** 21, packet = PACKET }: Opening = {}, more = encode()) =>
    channelOpen(type, sender, window, packet, more),
  confirm: (to: number, sender: number, { window = 2 ** 21, packet = PACKET }: Opening = {}) =>
    openConfirmation(to, sender, window, packet),
  refuse: (to: number, reason: OpenFailure, words = '') => openFailure(to, reason, words),
  adjust: (to: number, bytes: number) => channelMessage(MESSAGE.CHANNEL_WINDOW_ADJUST, to, uint32(bytes)),
  data: (to: number, bytes: Uint8Array | string) => channelMessage(MESSAGE.CHANNEL_DATA, to, string(bytes)),
  extended: (to: number, bytes: Uint8Array | string, type = STDERR) =>
    channelMessage(MESSAGE.CHANNEL_EXTENDED_DATA, to, uint32(type), string(bytes)),
  eof: (to: number) => channelMessage(MESSAGE.CHANNEL_EOF, to),
  close: (to: number) => channelMessage(MESSAGE.CHANNEL_CLOSE, to),
  /** One that wants an answer. */
  ask: (to: number, name: string, data = encode()) => request(to, name, true, data),
  /** One that wants none. */
  tell: (to: number, name: string, data = encode()) => request(to, name, false, data),
  success: (to: number) => channelMessage(MESSAGE.CHANNEL_SUCCESS, to),
  failure: (to: number) => channelMessage(MESSAGE.CHANNEL_FAILURE, to),
  exitStatus: (to: number, code: number) => request(to, 'exit-status', false, uint32(code)),
} as const;

/** A message in one line, by the names of the RFC: `DATA 7 hello`, the number being the reader's own of the channel. */
export function inWords(payload: Uint8Array): string {
  const from = reader(payload);
  const number = from.uint8('number');
  const text = (): string => Buffer.from(from.string('text')).toString('utf8');
  const id = (): number => from.uint32('id');
  switch (number) {
    case MESSAGE.GLOBAL_REQUEST:
      return `GLOBAL ${text()}`;
    case MESSAGE.REQUEST_FAILURE:
      return 'GLOBAL_FAILURE';
    case MESSAGE.CHANNEL_OPEN:
      return `OPEN ${text()} ${id()}`;
    case MESSAGE.CHANNEL_OPEN_CONFIRMATION:
      return `CONFIRM ${id()} as ${id()}`;
    case MESSAGE.CHANNEL_OPEN_FAILURE:
      return `REFUSE ${id()} ${id()}`;
    case MESSAGE.CHANNEL_WINDOW_ADJUST:
      return `ADJUST ${id()} ${id()}`;
    case MESSAGE.CHANNEL_DATA:
      return `DATA ${id()} ${text()}`;
    case MESSAGE.CHANNEL_EXTENDED_DATA:
      return `EXTENDED ${id()} ${id()} ${text()}`;
    case MESSAGE.CHANNEL_REQUEST: {
      const [to, name] = [id(), text()];
      return `REQUEST ${to} ${name}${from.uint8('answer') === 1 ? '?' : ''}`;
    }
    case MESSAGE.CHANNEL_EOF:
      return `EOF ${id()}`;
    case MESSAGE.CHANNEL_CLOSE:
      return `CLOSE ${id()}`;
    case MESSAGE.CHANNEL_SUCCESS:
      return `SUCCESS ${id()}`;
    case MESSAGE.CHANNEL_FAILURE:
      return `FAILURE ${id()}`;
    default:
      return `message ${number}`;
  }
}
