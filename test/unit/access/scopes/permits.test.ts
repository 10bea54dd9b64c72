import { describe, expect, it } from 'vitest';
import { forcedCommand, isSftpAlone } from '../../../../src/access/scopes/forced-command.ts';
import { type ChannelAsk, permits, permitsVariable } from '../../../../src/access/scopes/permits.ts';
import { Scope } from '../../../../src/access/scopes/scope.ts';

const own = (more: object): Scope => Scope.parse({ name: 'exec:own', words: 'Some things', ...more });
const files = (rights: 'read' | 'read-write', ...paths: readonly string[]) => ({ rights, paths });
const exec = (command: string): ChannelAsk => ({ kind: 'exec', command });
const sftp: ChannelAsk = { kind: 'subsystem', name: 'sftp' };
const uptime = [['uptime'], ['say', '**']];

describe('what a scope does not let through', () => {
  it.each<[object, ChannelAsk, string | null]>([
    [{}, { kind: 'shell' }, 'a shell'],
    [{ shell: true }, { kind: 'shell' }, null],
    [{ pty: true }, { kind: 'shell' }, 'a shell'],
    [{}, { kind: 'pty' }, 'a terminal'],
    [{ pty: true }, { kind: 'pty' }, null],
    [{ shell: true }, { kind: 'pty' }, 'a terminal'],
    [{}, sftp, 'the subsystem sftp'],
    [{ files: files('read') }, sftp, null],
    [{ files: files('read') }, { kind: 'subsystem', name: 'sftpx' }, 'the subsystem sftpx'],
    [{ files: files('read') }, { kind: 'subsystem', name: 'x'.repeat(60) }, `the subsystem ${'x'.repeat(60)}`],
    [{ files: files('read') }, { kind: 'subsystem', name: 'x'.repeat(61) }, `the subsystem ${'x'.repeat(60)}...`],
    [{ exec: 'any' }, exec('anything; at all'), null],
    [{}, exec('uptime'), 'this command'],
    [{}, exec('scp -f /a'), 'this command'],
    [{ exec: uptime }, exec('uptime'), null],
    [{ exec: uptime }, exec('uptime -p'), 'the command uptime -p'],
    [{ exec: uptime }, exec("'up' é"), 'this command: a shell would treat a character that is not ASCII as special'],
    [{ exec: uptime }, exec('scp -f /a'), 'the command scp -f /a'],
    [{ exec: uptime }, exec('say a b'), null],
    [{ exec: uptime }, exec(''), 'the command '],
    [{ exec: [['say', '**']] }, exec(`do ${'x'.repeat(80)}`), `the command do ${'x'.repeat(57)}...`],
    [{ exec: uptime, files: files('read') }, exec('uptime'), null],
    [{ exec: uptime, files: files('read') }, exec('scp -f /a'), null],
    [{ exec: uptime, files: files('read') }, exec('scp -t /a'), 'scp for writing'],
    [{ exec: uptime, files: files('read-write') }, exec('scp -t /a'), null],
    [{ exec: [['scp', '**']], files: files('read') }, exec('scp a b'), null],
    [{ files: files('read-write') }, exec('scp -t /a'), null],
    [{ files: files('read-write') }, exec('uptime'), 'this command'],
    [{ files: files('read-write', '/srv/**') }, exec('scp -t /a'), 'scp with the path /a'],
    [{ files: files('read') }, exec('scp -f /a'), "scp's old protocol (leave out -O, or use scp -s or sftp)"],
    [{ loopback: true }, { kind: 'tunnel', host: 'db', port: 1 }, 'a tunnel to db:1'],
    [
      { loopback: true, opaque: 'refused' },
      { kind: 'tunnel', host: 'd\u0000b', port: 1 },
      'a tunnel to d?b:1, because a recording could only count its bytes',
    ],
    [{ shell: true, opaque: 'refused' }, { kind: 'shell' }, null],
  ])('of %j, asked for %j, is %s', (scope, ask, what) => {
    const why = `scope exec:own does not allow ${what}; it allows: Some things`;
    expect(permits(own(scope), ask)).toEqual(what === null ? { allowed: true } : { allowed: false, why });
  });
});

describe('what the target is told to run', () => {
  it.each([
    [{ exec: [['uptime']] }, 'uptime', false],
    [{ exec: [['uptime'], ['id']] }, null, false],
    [{ exec: [['uptime', '*']] }, null, false],
    [{ exec: [['uptime']], shell: true }, null, false],
    [{ exec: 'any' }, null, false],
    [{ exec: 'any', files: files('read') }, null, false],
    [{ shell: true, files: files('read') }, null, false],
    [{ shell: true }, null, false],
    [{}, 'exit 1', false],
    [{ files: files('read') }, 'internal-sftp -R', true],
    [{ files: files('read-write') }, null, false],
    [{ files: files('read'), exec: [['uptime']] }, null, false],
  ])('with %j is %s', (scope, command, isAlone) => {
    expect([forcedCommand(own(scope)), isSftpAlone(own(scope))]).toEqual([command, isAlone]);
  });
});

describe('a variable', () => {
  it.each([
    [{ shell: true }, 'PATH', '/tmp', true],
    [{ exec: 'any' }, 'PATH', '/tmp', true],
    [{ pty: true, exec: uptime }, 'PATH', '/tmp', false],
    [{ exec: uptime }, 'LANG', 'C', true],
    [{ exec: uptime }, 'NO_COLOR', '', true],
    [{ exec: uptime }, 'LANG', '/tmp', false],
    [{ exec: uptime }, 'PATH', 'C', false],
  ])('with %j: %s=%s goes on: %s', (scope, name, value, expected) => {
    expect(permitsVariable(own(scope), { name, value })).toBe(expected);
  });
});
