import { describe, expect, it } from 'vitest';
import { type ChannelAsk, permits } from '../../../src/access/scope.ts';
import { scope } from '../../support/samples.ts';

const exec = (command: string): ChannelAsk => ({ kind: 'exec', command });

describe('the scope shell', () => {
  it('lets a shell, a terminal, any command and sftp through', () => {
    const asks: ChannelAsk[] = [
      { kind: 'shell' },
      { kind: 'pty' },
      exec('rm -rf /'),
      { kind: 'subsystem', name: 'sftp' },
    ];
    for (const ask of asks) expect(permits(scope('shell'), ask)).toEqual({ allowed: true });
  });

  it('refuses other subsystems and says what it allows', () => {
    expect(permits(scope('shell'), { kind: 'subsystem', name: 'netconf\u001b[2J' })).toEqual({
      allowed: false,
      why: 'scope shell does not allow the subsystem netconf?[2J; it allows: Shell, commands and files, as far as the login reaches',
    });
  });
});

describe('the scope files-rw', () => {
  const files = scope('files-rw');

  it('lets sftp through, and the server half of scp', () => {
    expect(permits(files, { kind: 'subsystem', name: 'sftp' }).allowed).toBe(true);
    for (const command of [
      'scp -t /tmp',
      'scp -f /var/log/syslog',
      'scp -v -r -p -d -t -- ./up',
      'scp -rf /var/log/*.gz',
    ]) {
      expect(permits(files, exec(command)).allowed, command).toBe(true);
    }
  });

  it('refuses a shell, a terminal and every other command', () => {
    const asks: ChannelAsk[] = [{ kind: 'shell' }, { kind: 'pty' }, exec('id'), exec('rsync --server . /tmp')];
    for (const ask of asks) expect(permits(files, ask).allowed).toBe(false);
  });

  it('refuses an scp that a shell would make more of', () => {
    const commands = [
      'scp -t /tmp; id',
      'scp -t $(id)',
      'scp -t `id`',
      'scp -t /tmp|id',
      'scp -t /tmp\nid',
      'scp -t /tmp & id',
      'scp -t >/etc/passwd',
      "scp -t '/tmp'",
      'scp -S /tmp/x -t /tmp',
      'scp -t /tmp /etc',
      'scp -t',
      'scp /tmp',
      'scp -o ProxyCommand=id -t /tmp',
      'scp -vS -t x y',
      '/tmp/scp -t /tmp',
    ];
    for (const command of commands) expect(permits(files, exec(command)).allowed, command).toBe(false);
  });
});
