import { FX, FXF, type Request, type RequestKind } from '../../sftpwire/wire.ts';
import type { FileRights, SftpPaths } from './paths.ts';

/** Null: it may go on. Else the status that answers it (draft-ietf-secsh-filexfer-02 §7), and why. */
export type RequestVerdict = { readonly status: number; readonly why: string } | null;

/** What each request needs: `path`, all its paths within the patterns; `write`, that the scope writes. */
const NEEDS: { readonly [Kind in RequestKind]: { readonly path: boolean; readonly write: boolean } } = {
  open: { path: true, write: false },
  opendir: { path: true, write: false },
  stat: { path: true, write: false },
  lstat: { path: true, write: false },
  readlink: { path: true, write: false },
  statvfs: { path: true, write: false },
  // These tell names only: where a client stands, and what a name is in full.
  realpath: { path: false, write: false },
  'expand-path': { path: false, write: false },
  'home-directory': { path: false, write: false },
  'users-groups-by-id': { path: false, write: false },
  limits: { path: false, write: false },
  // On handles, which only an allowed open gave.
  close: { path: false, write: false },
  read: { path: false, write: false },
  readdir: { path: false, write: false },
  fstat: { path: false, write: false },
  fstatvfs: { path: false, write: false },
  write: { path: false, write: true },
  fsetstat: { path: false, write: true },
  fsync: { path: false, write: true },
  'copy-data': { path: false, write: true },
  setstat: { path: true, write: true },
  lsetstat: { path: true, write: true },
  remove: { path: true, write: true },
  mkdir: { path: true, write: true },
  rmdir: { path: true, write: true },
  rename: { path: true, write: true },
  hardlink: { path: true, write: true },
  symlink: { path: true, write: true },
  unknown: { path: false, write: true },
};

export function judge(request: Request, rights: FileRights['rights'], paths: SftpPaths): RequestVerdict {
  const { kind } = request;
  if (kind === 'unknown') return { status: FX.OP_UNSUPPORTED, why: 'an unknown SFTP extension' };
  const needs = NEEDS[kind];
  const denied = (why: string): RequestVerdict => ({ status: FX.PERMISSION_DENIED, why });
  if (rights === 'read') {
    if (needs.write) return denied('the scope is read-only');
    // Any flag but READ makes, cuts or changes a file: OpenSSH's server truncates even without WRITE.
    if (kind === 'open' && ((request.numbers[0] ?? 0) & ~FXF.READ) !== 0) {
      return denied('the scope is read-only, and the file was to be opened for writing');
    }
  }
  if (!needs.path) return null;
  for (const path of request.paths) {
    // Servers differ in which of a symlink's two paths comes first.
    const verdict = kind === 'symlink' ? paths.checkLink(path) : paths.check(path);
    if (!verdict.allowed) return denied(verdict.why);
  }
  return null;
}
