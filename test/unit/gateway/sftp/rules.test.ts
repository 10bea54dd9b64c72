import { describe, expect, it } from 'vitest';
import { SftpPaths } from '../../../../src/gateway/sftp/paths.ts';
import { judge } from '../../../../src/gateway/sftp/rules.ts';
import type { Request, RequestKind } from '../../../../src/sftpwire/wire.ts';

const INSIDE = Buffer.from('/srv/in/a');
const OUTSIDE = Buffer.from('/etc/passwd');

const request = (kind: RequestKind, paths: readonly Buffer[], flags = 1): Request => ({
  ...{ kind, paths, id: 7, handles: [], numbers: [flags], attributes: null, extension: null },
});
const judged = (asked: Request, rights: 'read' | 'read-write', patterns: readonly string[] = ['/srv/in/**']) =>
  judge(asked, rights, new SftpPaths(patterns));

const PERMISSION_DENIED = 3;
const OP_UNSUPPORTED = 8;
const readOnly = { status: PERMISSION_DENIED, why: 'the scope is read-only' };
const outside = { status: PERMISSION_DENIED, why: 'a path outside the scope' };

/** What each request does: to a path of its own or not, and whether it changes something. */
const KINDS: readonly (readonly [RequestKind, 'path' | 'no path', 'reads' | 'writes'])[] = [
  ['open', 'path', 'reads'],
  ['opendir', 'path', 'reads'],
  ['stat', 'path', 'reads'],
  ['lstat', 'path', 'reads'],
  ['readlink', 'path', 'reads'],
  ['statvfs', 'path', 'reads'],
  ['realpath', 'no path', 'reads'],
  ['expand-path', 'no path', 'reads'],
  ['home-directory', 'no path', 'reads'],
  ['users-groups-by-id', 'no path', 'reads'],
  ['limits', 'no path', 'reads'],
  ['close', 'no path', 'reads'],
  ['read', 'no path', 'reads'],
  ['readdir', 'no path', 'reads'],
  ['fstat', 'no path', 'reads'],
  ['fstatvfs', 'no path', 'reads'],
  ['write', 'no path', 'writes'],
  ['fsetstat', 'no path', 'writes'],
  ['fsync', 'no path', 'writes'],
  ['copy-data', 'no path', 'writes'],
  ['setstat', 'path', 'writes'],
  ['lsetstat', 'path', 'writes'],
  ['remove', 'path', 'writes'],
  ['mkdir', 'path', 'writes'],
  ['rmdir', 'path', 'writes'],
  ['rename', 'path', 'writes'],
  ['hardlink', 'path', 'writes'],
  ['symlink', 'path', 'writes'],
];

describe('an SFTP request', () => {
  it.each(KINDS)('%s is about %s and %s', (kind, about, does) => {
    const isPath = about === 'path';
    const writes = does === 'writes';
    expect(judged(request(kind, [INSIDE]), 'read-write')).toBeNull();
    expect(judged(request(kind, [OUTSIDE]), 'read-write')).toEqual(isPath ? outside : null);
    expect(judged(request(kind, [OUTSIDE]), 'read-write', [])).toBeNull();
    expect(judged(request(kind, [INSIDE]), 'read')).toEqual(writes ? readOnly : null);
    const both = writes ? readOnly : isPath ? outside : null;
    expect(judged(request(kind, [OUTSIDE]), 'read')).toEqual(both);
  });

  it('that nobody knows is refused, whatever the scope allows', () => {
    const unknown = { status: OP_UNSUPPORTED, why: 'an unknown SFTP extension' };
    expect(judged(request('unknown', []), 'read')).toEqual(unknown);
    expect(judged(request('unknown', []), 'read-write', [])).toEqual(unknown);
  });

  it('of two paths is refused for either of them', () => {
    for (const kind of ['rename', 'hardlink', 'symlink'] as const) {
      expect(judged(request(kind, [INSIDE, INSIDE]), 'read-write')).toBeNull();
      expect(judged(request(kind, [OUTSIDE, INSIDE]), 'read-write')).toEqual(outside);
      expect(judged(request(kind, [INSIDE, OUTSIDE]), 'read-write')).toEqual(outside);
    }
  });

  it('for a symlink takes no relative path on either end', () => {
    const relative = { status: PERMISSION_DENIED, why: 'a symlink to a relative path' };
    for (const paths of [
      [INSIDE, Buffer.from('a')],
      [Buffer.from('a'), INSIDE],
    ]) {
      expect(judged(request('symlink', paths), 'read-write')).toEqual(relative);
      expect(judged(request('symlink', paths), 'read-write', [])).toBeNull();
    }
  });

  it.each([
    [0, null],
    [1, null],
    ...[2, 4, 8, 16, 32, 64, 3, 0x8000_0001].map((flags) => [
      flags,
      { status: PERMISSION_DENIED, why: 'the scope is read-only, and the file was to be opened for writing' },
    ]),
  ] as [number, object | null][])('that opens with the flags %i in a read-only scope: %j', (flags, verdict) => {
    expect(judged(request('open', [INSIDE], flags), 'read')).toEqual(verdict);
    expect(judged(request('open', [INSIDE], flags), 'read-write')).toBeNull();
    // Numbers of other requests are no flags.
    expect(judged(request('opendir', [INSIDE], flags), 'read')).toBeNull();
  });
});
