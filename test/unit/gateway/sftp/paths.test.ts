import { describe, expect, it } from 'vitest';
import { SftpPaths } from '../../../../src/gateway/sftp/paths.ts';

const bytes = (...parts: (string | number)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from([part]))));

const paths = () => new SftpPaths(['/srv/in/**', '/etc/motd']);
const why = (path: Buffer | string, from = paths()): string | null => {
  const verdict = from.check(Buffer.from(path as string));
  return verdict.allowed ? null : verdict.why;
};

const OUTSIDE = 'a path outside the scope';
const DOTS = 'a path with ".."; write it without';
const NOT_TEXT = 'the path is not plain UTF-8';
const RELATIVE = 'a relative path, and the target has not reported where it starts';

describe('a path of an SFTP request', () => {
  it.each<[string | Buffer, string | null]>([
    ['/srv/in/a', null],
    ['/srv/in/a/b/c', null],
    ['/srv/in/.hidden', null],
    ['/etc/motd', null],
    ['/srv/in', null],
    ['/srv/in/', null],
    ['//srv///in//a', null],
    ['/./srv/./in/a/.', null],
    ['/srv/in/a b', null],
    ['/srv/in/ä/€/漢', null],
    ['/srv/in/*', null],
    ['/srv/in/...', null],
    ['/srv/in/a\nb', null],
    ['/srv/in/a\\b', null],
    ['/', OUTSIDE],
    ['/srv', OUTSIDE],
    ['/srv/input', OUTSIDE],
    ['/srv/i', OUTSIDE],
    ['/etc/motd/x', OUTSIDE],
    ['/etc/motd2', OUTSIDE],
    ['/etc/passwd', OUTSIDE],
    ['/SRV/in/a', OUTSIDE],
    ['/srv/IN/a', OUTSIDE],
    ['/srv\\in\\a', OUTSIDE],
    ['/srv/*/a', OUTSIDE],
    ['/{srv/in}/a', OUTSIDE],
    ['/x/srv/in/a', OUTSIDE],
    ['/srv/in /a', OUTSIDE],
    ['/srv/ın/a', OUTSIDE],
    ['/srv/in/../x', DOTS],
    ['/srv/in/a/../b', DOTS],
    ['/..', DOTS],
    ['/srv/in/..', DOTS],
    ['/srv/in//..//..//etc', DOTS],
    ['/srv/in/\0', NOT_TEXT],
    ['/srv/in/a\0/../../etc/passwd', NOT_TEXT],
    ['/etc/motd\0x', NOT_TEXT],
    [bytes('/srv/in/', 0xff), NOT_TEXT],
    // The two dots and the slash in forms that are longer than they need be.
    [bytes('/srv/in/', 0xc0, 0xae, 0xc0, 0xae, 0xc0, 0xaf, 'etc'), NOT_TEXT],
    [bytes('/srv/in/', 0xed, 0xa0, 0x80), NOT_TEXT],
    [bytes(0xef, 0xbb, 0xbf, '/srv/in/a'), RELATIVE],
    [`/srv/in/${'a'.repeat(255)}`, null],
    [`/srv/in/${'a'.repeat(256)}`, 'the path is too long'],
    [`/srv/in/${'a'.repeat(256)}/b`, 'the path is too long'],
    [`/srv/in/${'a'.repeat(5_000)}`, 'the path is too long'],
    [`/srv/in/${'/'.repeat(4_087)}a`, null],
    [`/srv/in/${'/'.repeat(4_088)}a`, 'the path is too long'],
    [`/srv/in/${'/'.repeat(5_000)}`, 'the path is too long'],
    [`/srv/in/${'a/'.repeat(2_000)}`, null],
    ['a', RELATIVE],
    ['', RELATIVE],
    ['.', RELATIVE],
    ['~/a', 'a path that begins with "~"; write it in full'],
    ['../srv/in/a', RELATIVE],
  ])('%j: %s', (path, expected) => {
    expect(why(path)).toBe(expected);
  });

  it('that is relative counts from where the target says that it starts, and not before', () => {
    const from = paths();
    expect(why('a', from)).toBe(RELATIVE);
    from.startsIn(Buffer.from('/srv/in/home'));
    expect(['a', '', '.', './a', 'a/./b', 'a~'].map((path) => why(path, from))).toEqual(Array(6).fill(null));
    // Servers that take it for a home folder would go elsewhere.
    for (const path of ['~', '~/a', '~root/a']) expect(why(path, from)).toMatch(/begins with "~"/);
    expect(['..', '../a', 'a/../../..'].map((path) => why(path, from))).toEqual([DOTS, DOTS, DOTS]);
    expect(why('/etc/passwd', from)).toBe(OUTSIDE);
  });

  it('takes no start that is no absolute path', () => {
    const from = paths();
    for (const no of ['', 'srv/in', '.', '/srv/in\0']) from.startsIn(Buffer.from(no));
    from.startsIn(bytes('/srv/in/', 0xff));
    expect(why('a', from)).toBe(RELATIVE);
    from.startsIn(Buffer.from('/home/deploy'));
    expect(why('a', from)).toBe(OUTSIDE);
    const dots = paths();
    dots.startsIn(Buffer.from('/srv/in/..'));
    expect(why('a', dots)).toBe(DOTS);
  });

  it('is not looked at where the scope has no patterns', () => {
    const all = new SftpPaths([]);
    expect(all.areBounded).toBe(false);
    for (const path of ['..', '', '\0', 'x'.repeat(5_000)]) expect(why(path, all)).toBeNull();
    expect(all.checkLink(Buffer.from('../x'))).toEqual({ allowed: true });
  });

  it('of a symlink has to be absolute on both of its ends', () => {
    const from = paths();
    from.startsIn(Buffer.from('/srv/in'));
    const link = (path: string) => from.checkLink(Buffer.from(path)).allowed;
    expect(link('/srv/in/a')).toBe(true);
    for (const no of ['a', '../../etc/passwd', '', './a', '/etc/passwd', '/srv/in/../../etc'])
      expect(link(no)).toBe(false);
  });

  it('is decided in a moment, however it is made to be slow', () => {
    const nasty = new SftpPaths(['/srv/**/a/**/b/**/c', '/srv/*a*a*a*a*a*a*b/**', '/var/log/*-*-*.log']);
    const since = performance.now();
    for (const path of [
      `/srv/${'a/'.repeat(2_040)}`,
      `/srv/${'a'.repeat(4_000)}`,
      `/srv/${'a/b/'.repeat(1_000)}x`,
      `/srv/${'a'.repeat(255)}`,
    ]) {
      nasty.check(Buffer.from(path));
    }
    expect(performance.now() - since).toBeLessThan(500);
  });
});
