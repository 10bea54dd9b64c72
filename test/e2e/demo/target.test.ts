import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findSshd, givesTerminal, makeRootFolder } from '../../../src/demo/sshd.ts';
import { startSweeper } from '../../../src/demo/sweeper.ts';
import { type DemoTarget, openTarget } from '../../../src/demo/targets.ts';
import { isAlive } from '../../support/checks/alive.ts';
import { run, runOk } from '../../support/peers/processes.ts';

const login = userInfo().username;
let folder: string;
let target: DemoTarget;

/** A certificate for a fresh key, as the gateway would present one. */
async function certify(name: string, ca: string, ...options: string[]): Promise<string> {
  const key = join(folder, name);
  await runOk('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  await runOk('ssh-keygen', ['-q', '-s', join(folder, ca), '-I', name, ...options, `${key}.pub`]);
  return key;
}

const ssh = (key: string, ...rest: string[]) =>
  run('ssh', [
    ...[
      '-F',
      'none',
      '-i',
      key,
      '-o',
      'BatchMode=yes',
      '-o',
      'IdentitiesOnly=yes',
      '-o',
      'UserKnownHostsFile=/dev/null',
    ],
    ...['-o', 'StrictHostKeyChecking=no', '-o', 'LogLevel=ERROR', '-p', String(target.port), ...rest],
  ]);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'daypass-demo-target-'));
  for (const ca of ['ca', 'other-ca']) {
    await runOk('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, ca)]);
  }
  target = await openTarget('web-01', join(folder, 'web-01'));
  const files = [
    { path: join(folder, 'web-01', 'etc', 'ca.pub'), content: readFileSync(join(folder, 'ca.pub'), 'utf8') },
  ];
  target.useOwnServer({ files, block: '' }, login);
});

afterAll(async () => {
  await target[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

describe('a demo target without sshd', () => {
  it('runs commands with their output, errors and exit code, and gives a terminal', async () => {
    const key = await certify('good', 'ca', '-n', `${login}@web-01`, '-V', '-1m:+5m');
    const ran = await ssh(key, `${login}@127.0.0.1`, 'echo out; echo err >&2; exit 3');
    expect(ran).toMatchObject({ code: 3, stdout: 'out\n', stderr: 'err\n' });
    const shell = await ssh(key, '-tt', `${login}@127.0.0.1`, 'tty');
    expect(shell.stdout).toMatch(/^\/dev\/(pts|tty)/);
  });

  it.each([
    ['another target’s principal', 'ca', ['-n', `${login}@db-01`, '-V', '-1m:+5m']],
    ['another login’s principal', 'ca', ['-n', 'nobody@web-01', '-V', '-1m:+5m']],
    ['the bare login for principal', 'ca', ['-n', login, '-V', '-1m:+5m']],
    ['no principal', 'ca', ['-V', '-1m:+5m']],
    ['another CA', 'other-ca', ['-n', `${login}@web-01`, '-V', '-1m:+5m']],
    ['a time that is over', 'ca', ['-n', `${login}@web-01`, '-V', '-5m:-1m']],
    ['another source address', 'ca', ['-n', `${login}@web-01`, '-V', '-1m:+5m', '-O', 'source-address=192.0.2.1']],
  ])('refuses a certificate with %s', async (what, ca, options) => {
    const key = await certify(`bad-${what.replace(/\W/g, '')}`, ca, ...options);
    expect((await ssh(key, `${login}@127.0.0.1`, 'true')).code).toBe(255);
  });

  it('refuses a plain key, and another login', async () => {
    const plain = join(folder, 'plain');
    await runOk('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', plain]);
    expect((await ssh(plain, `${login}@127.0.0.1`, 'true')).code).toBe(255);
    const key = await certify('elsewhere', 'ca', '-n', `${login}@web-01`, '-V', '-1m:+5m');
    expect((await ssh(key, 'somebody@127.0.0.1', 'true')).code).toBe(255);
  });

  it('runs the certificate’s own command, whatever is asked for', async () => {
    const options = ['-n', `${login}@web-01`, '-V', '-1m:+5m', '-O', 'force-command=echo forced'];
    const key = await certify('forced', 'ca', ...options);
    expect((await ssh(key, `${login}@127.0.0.1`, 'echo asked')).stdout).toBe('forced\n');
  });

  it('loses what people left running when the sweeper goes', async () => {
    const sweeper = startSweeper([target.port], null);
    const key = await certify('sleeper', 'ca', '-n', `${login}@web-01`, '-V', '-1m:+5m');
    const { stdout } = await ssh(key, `${login}@127.0.0.1`, 'nohup setsid sleep 600 >/dev/null 2>&1 & echo $!');
    const pid = Number(stdout);
    expect(isAlive(pid)).toBe(true);
    await sweeper[Symbol.asyncDispose]();
    expect(isAlive(pid)).toBe(false);
  });
});

it('knows a usable sshd by logging in to it', async () => {
  const made = makeRootFolder();
  const sshd = findSshd();
  expect(sshd).not.toBeNull();
  expect(await givesTerminal(sshd ?? '', login, join(folder, 'probe'))).toBe(true);
  expect(await givesTerminal('/bin/false', login, join(folder, 'probe-of-nothing'))).toBe(false);
  if (made !== null) await rm(made, { recursive: true });
});
