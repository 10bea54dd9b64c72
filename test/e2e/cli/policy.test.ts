import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { testFolder } from '../../support/checks/folder.ts';
import { daypassCommand } from '../../support/worlds/build.ts';

const folder = testFolder();
afterAll(() => folder[Symbol.dispose]());

const FILES = {
  'daypass.yml': {
    ...{ site: 'acme', data_dir: './data', slack: { security_channel: 'C0123456789' } },
    gateway: { public_host: 'ssh.example.com', public_port: 22, listen: '127.0.0.1:2222' },
  },
  'targets.yml': {
    targets: [{ id: 'web-01', name: 'Web', address: '192.0.2.1', host_keys: ['ssh-ed25519 AAAA'], logins: ['deploy'] }],
  },
  'policy.yml': {
    rules: [{ name: 'one', max_duration: 'PT8H' }],
    scopes: [
      { name: 'exec:restart', words: 'Restart the web service', exec: [['/usr/bin/systemctl', 'restart', 'nginx']] },
      { name: 'exec:logs', words: 'Read logs', exec: [['less', '*']], pty: true },
      { name: 'tunnel:pg', words: 'The database', tunnels: [{ host: '*.internal', ports: [5432] }] },
      { name: 'files:any', words: 'Files', files: { rights: 'read-write' } },
    ],
  },
};
for (const [name, content] of Object.entries(FILES)) writeFileSync(join(folder.path, name), JSON.stringify(content));

type Ran = { readonly code: number; readonly out: string; readonly err: string };
const test = (...args: readonly string[]): Promise<Ran> =>
  new Promise((resolve) => {
    const argv = [...daypassCommand(), 'policy', 'test', ...args];
    execFile(process.execPath, argv, { cwd: folder.path }, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out, err });
    });
  });

describe('daypass policy test', () => {
  it('says by words and exit code what the gateway would decide', async () => {
    expect(await test('--scope', 'exec:restart', '--exec', '/usr/bin/systemctl restart nginx')).toEqual({
      ...{ code: 0, out: 'allowed\n', err: '' },
    });
    expect(await test('--scope', 'exec:restart', '--exec', '/usr/bin/systemctl restart nginx; id')).toMatchObject({
      code: 1,
      out: 'refused: scope exec:restart does not allow this command: a shell would treat ; as special; it allows: Restart the web service\n',
    });
    expect(await test('--scope', 'files-ro', '--shell', '--subsystem', 'sftp', '--json')).toMatchObject({
      code: 1,
      out: expect.stringMatching(/"allowed": false[\s\S]*"allowed": true/),
    });
  });

  it('says where a tunnel leads from a target', async () => {
    const tunnel = (to: string) => test('--scope', 'tunnel:pg', '--target', 'web-01', '--tunnel', to);
    expect(await tunnel('db.internal:5432')).toMatchObject({ code: 0 });
    expect(await tunnel('db.internal:22')).toMatchObject({ code: 1 });
    expect(await test('--scope', 'tunnel:pg', '--tunnel', 'db:5432')).toMatchObject({
      code: 2,
      err: expect.stringContaining('add --target'),
    });
  });

  it('warns of what could be made of a scope', async () => {
    expect((await test('--scope', 'exec:logs')).out).toBe(
      [
        'warning: "less *": less can start a shell, or a pager that can, and * lets the person choose the words.',
        'warning: "less *": less is looked up in the login\'s PATH. Write the full path.',
        '',
      ].join('\n'),
    );
    expect((await test('--scope', 'files:any')).out).toMatch(/as good as running commands/);
    expect((await test('--scope', 'exec:restart')).out).toBe('No warnings.\n');
  });

  it('names the scopes there are where one is unknown', async () => {
    expect(await test('--scope', 'exec:x', '--shell')).toMatchObject({
      code: 2,
      err: expect.stringContaining('shell, files-ro, files-rw, ide, exec:restart, exec:logs, tunnel:pg, files:any'),
    });
  });
});
