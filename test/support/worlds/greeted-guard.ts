import { type Guarded, SftpGuard } from '../../../src/gateway/sftp/guard.ts';
import type { FileRights } from '../../../src/gateway/sftp/paths.ts';
import { INIT, packet, text, uint32, VERSION } from '../peers/sftp-talk.ts';

export const READ: FileRights = { rights: 'read', paths: [] };
export const BOUNDED: FileRights = { rights: 'read-write', paths: ['/srv/in/**'] };

/** A guard that both sides have greeted. */
export function guarding(rights: FileRights = READ) {
  const refused: string[] = [];
  const guard = new SftpGuard(rights, (sentence) => void refused.push(sentence));
  guard.client(INIT);
  guard.target(VERSION);
  return { guard, refused };
}
export const joined = ({ forward, answer }: Guarded): { readonly forward: Buffer; readonly answer: Buffer } => ({
  forward: Buffer.concat(forward),
  answer: Buffer.concat(answer),
});

export const handle = text('handle');
export const fstat = (id: number): Buffer => packet(8, uint32(id), handle);
export const lstat = (id: number, path: string): Buffer => packet(7, uint32(id), text(path));
export const open = (id: number): Buffer => packet(3, uint32(id), text('/x'), uint32(1), uint32(0));
export const opendir = (id: number): Buffer => packet(11, uint32(id), text('/x'));
export const close = (id: number): Buffer => packet(4, uint32(id), handle);
export const remove = (id: number, path = '/x'): Buffer => packet(13, uint32(id), text(path));
export const status = (id: number, code = 0): Buffer => packet(101, uint32(id), uint32(code), text(''), text(''));
export const handled = (id: number): Buffer => packet(102, uint32(id), handle);
export const attributes = (id: number): Buffer => packet(105, uint32(id), uint32(0));
export const refusal = (id: number, why: string, code = 3): Buffer =>
  packet(
    101,
    ...[uint32(id), uint32(code)],
    ...[text(`Daypass refused this: ${why}. If you need it, request another scope in Slack.`), text('en')],
  );
export const many = (count: number, of: (id: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, id) => of(id)));
