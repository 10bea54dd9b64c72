import { describe, expect, it } from 'vitest';
import { readScp, whyNotScp } from '../../../../src/access/scopes/scp-command.ts';

describe('the server half of scp', () => {
  const of = (direction: 'read' | 'write', path: string, isRecursive = false, hasPattern = false) => ({
    ...{ direction, isRecursive, path, hasPattern },
  });

  it.each([
    ['scp -t /tmp', of('write', '/tmp')],
    ['scp -f /tmp', of('read', '/tmp')],
    ['scp -r -t /tmp', of('write', '/tmp', true)],
    ['scp -vrpdf /tmp', of('read', '/tmp', true)],
    ['scp -v -p -d -t .', of('write', '.')],
    ['scp -t -- /tmp', of('write', '/tmp')],
    ['scp -t -- -x', of('write', '-x')],
    ["scp -t '/tmp/a b'", of('write', '/tmp/a b')],
    ["scp -t ''", of('write', '')],
    ['scp -f -- *', of('read', '*', false, true)],
    ['scp -f /*', of('read', '/*', false, true)],
    ['scp -f .*', of('read', '.*', false, true)],
    ['scp -f ~/x', of('read', '~/x', false, true)],
    ['scp -f a*', of('read', 'a*', false, true)],
    ['scp -f Z*', of('read', 'Z*', false, true)],
    ['scp -f 0*', of('read', '0*', false, true)],
    ['scp -f _*', of('read', '_*', false, true)],
    ['scp -f %', null],
    ["scp -f '%'", of('read', '%')],
  ])('%s is read', (command, expected) => {
    expect(readScp(command)).toEqual(expected);
  });

  it.each([
    ...['', 'scp', 'scp /tmp', 'scp -t', 'scp -- /tmp', 'scp -t --', 'scp -v /tmp', 'scp -t -f /tmp', 'scp -tf /tmp'],
    ...['sftp -t /tmp', 'scpx -t /tmp', 'sc? -t /tmp', 's* -t /tmp', 'scp -t -x', 'scp -t -', 'scp -f *', 'scp -f @*'],
    ...[
      'scp -f [-]x',
      'scp -f ?',
      'scp -x -t /tmp',
      'scp -tx /tmp',
      'scp -t x /tmp',
      'scp x-t /tmp',
      'scp -t -- x /tmp',
    ],
    ...['scp -t -? /tmp', 'scp -[t] /tmp', 'scp - -t /tmp', 'scp -t -- -- /tmp', 'scp -t /tmp;id', 'scp -t "/tmp'],
  ])('%s is no such command', (command) => {
    expect(readScp(command)).toBeNull();
  });
});

describe('a scope of files', () => {
  const why = (command: string, paths: readonly string[], rights: 'read' | 'read-write' = 'read-write') => {
    const scp = readScp(command);
    if (!scp) throw new Error(`no scp: ${command}`);
    return whyNotScp({ rights, paths: [...paths] }, scp);
  };
  const ODD = 'with a path that is relative or has "..", wildcards or ~';

  it.each([
    ['scp -t /tmp', [], 'read', 'for writing'],
    ['scp -f /tmp', [], 'read', null],
    ['scp -t /tmp', [], 'read-write', null],
    ['scp -t x/../*', [], 'read-write', null],
    ['scp -f /srv/a', ['/srv/*'], 'read', null],
    ['scp -rf /srv/a', ['/srv/*'], 'read', 'with the path /srv/a'],
    ['scp -t /srv/a', ['/srv/*'], 'read-write', 'with the path /srv/a'],
    ['scp -t /srv/a', ['/srv/*'], 'read', 'for writing'],
    ['scp -t /srv/a', ['/srv/**'], 'read-write', null],
    ['scp -rf /srv/a', ['/srv/**'], 'read', null],
    ['scp -f /etc/a', ['/srv/**'], 'read', 'with the path /etc/a'],
    ['scp -f /srv//./a/', ['/srv/*'], 'read', null],
    ['scp -f srv/a', ['/srv/**'], 'read', ODD],
    ['scp -f /srv/../a', ['/srv/**'], 'read', ODD],
    ['scp -f /srv/*', ['/srv/**'], 'read', ODD],
    ['scp -f ~/a', ['/srv/**'], 'read', ODD],
  ] as const)('%s within %j to %s: %s', (command, paths, rights, expected) => {
    expect(why(command, paths, rights)).toBe(expected);
  });

  it('shows no more than the beginning of a path', () => {
    expect(why(`scp -f /${'a'.repeat(79)}`, ['/srv/**'])).toBe(`with the path /${'a'.repeat(79)}`);
    expect(why(`scp -f /${'a'.repeat(80)}`, ['/srv/**'])).toBe(`with the path /${'a'.repeat(79)}`);
  });
});
