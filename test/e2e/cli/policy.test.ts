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
    targets: [
      { id: 'web-01', name: 'Web', address: '192.0.2.1', host_keys: ['ssh-ed25519 AAAA'], logins: ['deploy', 'root'] },
      {
        ...{ id: 'db-01', name: 'DB', address: '192.0.2.2', host_keys: ['ssh-ed25519 AAAA'], logins: ['deploy'] },
        labels: { env: 'production' },
      },
    ],
  },
  'policy.yml': {
    rules: [
      {
        ...{ name: 'two for production', labels: { env: 'production' }, approvals: 2, max_duration: 'PT4H' },
        ticket: { pattern: 'OPS-\\d+', example: 'OPS-1042' },
      },
      { name: 'guests', people: ['guest'], scopes: ['shell'] },
      { name: 'never', people: ['guest'], scopes: ['shell'], logins: ['root'], max_duration: 'PT1H' },
      {
        ...{ name: 'by day', people: ['external'], keys: 'fido_verified' },
        hours: { zone: 'Europe/Berlin', allow: [{ days: ['mon', 'tue'], from: '09:00', to: '17:30' }] },
      },
      { name: 'nowhere', targets: ['web-02'] },
    ],
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
const policy = (...args: readonly string[]): Promise<Ran> =>
  new Promise((resolve) => {
    const argv = [...daypassCommand(), 'policy', ...args];
    execFile(process.execPath, argv, { cwd: folder.path }, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out, err });
    });
  });

const scope = (...args: readonly string[]): Promise<Ran> => policy('scope', ...args);

describe('daypass policy scope', () => {
  it('says by words and exit code what the gateway would decide', async () => {
    expect(await scope('exec:restart', '--exec', '/usr/bin/systemctl restart nginx')).toEqual({
      ...{ code: 0, out: 'allowed\n', err: '' },
    });
    expect(await scope('exec:restart', '--exec', '/usr/bin/systemctl restart nginx; id')).toMatchObject({
      code: 1,
      out: 'refused: scope exec:restart does not allow this command: a shell would treat ; as special; it allows: Restart the web service\n',
    });
    expect(await scope('files-ro', '--shell', '--subsystem', 'sftp', '--json')).toMatchObject({
      code: 1,
      out: expect.stringMatching(/"allowed": false[\s\S]*"allowed": true/),
    });
  });

  it('says where a tunnel leads from a target', async () => {
    const tunnel = (to: string) => scope('tunnel:pg', '--target', 'web-01', '--tunnel', to);
    expect(await tunnel('db.internal:5432')).toMatchObject({ code: 0 });
    expect(await tunnel('db.internal:22')).toMatchObject({ code: 1 });
    expect(await scope('tunnel:pg', '--tunnel', 'db:5432')).toMatchObject({
      code: 2,
      err: expect.stringContaining('add --target'),
    });
  });

  it('warns of what could be made of a scope', async () => {
    expect((await scope('exec:logs')).out).toBe(
      [
        'warning: "less *": less can start a shell, or a pager that can, and * lets the person choose the words.',
        'warning: "less *": less is looked up in the login\'s PATH. Write the full path.',
        '',
      ].join('\n'),
    );
    expect((await scope('files:any')).out).toMatch(/as good as running commands/);
    expect((await scope('exec:restart')).out).toBe('No warnings.\n');
  });

  it('names the scopes there are where one is unknown', async () => {
    expect(await scope('exec:x', '--shell')).toMatchObject({
      code: 2,
      err: expect.stringContaining('shell, files-ro, files-rw, ide, exec:restart, exec:logs, tunnel:pg, files:any'),
    });
  });
});

const ASK = ['--scope', 'shell', '--duration', 'PT2H'];

describe('daypass policy explain', () => {
  it('names the rule that decides about each target, and why those before it do not', async () => {
    const asked = [...ASK, '--person', 'guest', '--target', 'web-01,db-01', '--ticket', 'OPS-7'];
    expect(await policy('explain', ...asked)).toEqual({
      ...{ code: 0, err: '' },
      out: [
        'web-01',
        '  two for production  does not match: labels env=production; here no env',
        '  guests              decides',
        'db-01',
        '  two for production  decides',
        'Allowed by “two for production” and “guests”, with 2 approvals signed with SSH keys, for at most 4 hours.',
        '',
      ].join('\n'),
    });
    expect(JSON.parse((await policy('explain', ...asked, '--json')).out)).toMatchObject({
      ...{ allowed: true, approvals: 2, maxDurationSeconds: 14_400 },
      targets: [{ rules: [{ decides: false, mismatch: { condition: 'labels' } }, { decides: true }] }, {}],
    });
  });

  it.each([
    ['no rule matches', ['--person', 'member', '--target', 'web-01'], 'Refused: no rule matches.'],
    [
      'the ticket is another',
      ['--person', 'guest', '--target', 'db-01', '--ticket', 'later'],
      'Refused: “two for production” needs another ticket.',
    ],
    [
      'it is too long',
      ['--person', 'guest', '--target', 'db-01', '--ticket', 'OPS-1', '--duration', 'PT5H'],
      'Refused: “two for production” does not allow so long.',
    ],
  ])('says that %s, and exits with 1', async (_, asked, said) => {
    expect(await policy('explain', ...ASK, ...asked)).toMatchObject({ code: 1, out: expect.stringContaining(said) });
  });

  it('says what holds at another hour', async () => {
    const asked = [...ASK, '--person', 'external', '--target', 'web-01', '--at'];
    expect(await policy('explain', ...asked, '2030-05-07T15:00Z')).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /with 1 approval and FIDO keys that verify their user for login, .* until 2030-05-07T15:30:00.000Z at the latest\./,
      ),
    });
    expect(await policy('explain', ...asked, '2030-05-07T18:00+02:00')).toMatchObject({
      code: 1,
      out: expect.stringContaining('outside the hours of “by day”. Allowed again Mon 13 May 09:00 Europe/Berlin.'),
    });
    expect(await policy('explain', ...asked, 'tomorrow')).toMatchObject({
      ...{ code: 2, err: expect.stringContaining('at: must be an instant, such as 2030-05-06T09:00+02:00') },
    });
  });

  it.each([
    ['who asks', ['--person', 'nobody', '--target', 'web-01'], 'person: '],
    ['a target', ['--person', 'guest', '--target', 'web-99'], 'No target in targets.yml is called web-99.'],
    ['a login', ['--person', 'guest', '--target', 'db-01', '--login', 'root'], 'has no login root'],
    ['a duration', ['--person', 'guest', '--target', 'db-01', '--duration', '2h'], 'duration: must be an ISO 8601'],
  ])('exits with 2 where %s is wrong', async (_, asked, said) => {
    expect(await policy('explain', ...ASK, ...asked)).toMatchObject({ code: 2, err: expect.stringContaining(said) });
  });
});

describe('daypass policy test', () => {
  const file = join(folder.path, 'cases.yml');
  const cases = (...some: readonly object[]): void => writeFileSync(file, JSON.stringify({ cases: some }));
  const ask = { person: 'guest', targets: ['db-01'], scope: 'shell', duration: 'PT1H', ticket: 'OPS-1' };

  it('holds policy to a file of cases', async () => {
    cases(
      {
        name: 'two',
        ask,
        expect: {
          ...{ allowed: true, rules: ['two for production'], approvals: 2, assurance: 'signed', keys: 'any' },
          max_duration: 'PT4H',
        },
      },
      { name: 'a ticket', ask: { ...ask, ticket: 'x' }, expect: { refused: 'ticket' } },
      { name: 'members', ask: { ...ask, person: 'member', targets: ['web-01'] }, expect: { refused: 'no_rule' } },
    );
    expect(await policy('test', file)).toEqual({ code: 0, err: '', out: 'ok    two\nok    a ticket\nok    members\n' });
  });

  it.each([
    [{ allowed: true, rules: ['guests'] }],
    [{ allowed: true, approvals: 1 }],
    [{ allowed: true, assurance: 'slack' }],
    [{ allowed: true, keys: 'fido' }],
    [{ allowed: true, max_duration: 'PT8H' }],
    [{ refused: 'ticket' }],
  ])('fails where policy does otherwise: %j', async (expected) => {
    cases({ name: 'it', ask, expect: expected });
    expect(await policy('test', file)).toMatchObject({
      code: 1,
      out: 'FAIL  it: policy allows it with 2 approvals (assurance signed, keys any) for at most 14400 seconds, by “two for production”\n',
    });
  });

  it('wants to know when, of a case that hours decide', async () => {
    const external = { person: 'external', targets: ['web-01'], scope: 'shell' };
    cases({ name: 'late', ask: { ...external, at: '2030-05-06T22:00+02:00' }, expect: { refused: 'hours' } });
    expect(await policy('test', file)).toMatchObject({ code: 0, out: 'ok    late\n' });
    cases({ name: 'late', ask: external, expect: { refused: 'hours' } });
    expect(await policy('test', file)).toMatchObject({
      code: 2,
      err: expect.stringContaining('“late” depends on hours'),
    });
  });

  it('exits with 2 where the file cannot be used', async () => {
    cases({ name: 'it', ask: { ...ask, persn: 'guest' }, expect: { refused: 'ticket' } });
    expect(await policy('test', file)).toMatchObject({
      code: 2,
      err: expect.stringContaining('line 1: cases.0.ask.persn: unknown setting; the settings here are person, '),
    });
    expect(await policy('test', `${file}.not`)).toMatchObject({
      code: 2,
      err: expect.stringContaining('cannot be read'),
    });
    writeFileSync(file, 'a: [');
    expect(await policy('test', file)).toMatchObject({ code: 2, err: expect.stringContaining('not valid YAML') });
  });
});

it('daypass policy check says what is probably a mistake', async () => {
  const { code, out } = await policy('check');
  expect(code).toBe(1);
  expect(out).toContain('The rule “never” never decides: “guests” before it decides all that it matches.\n');
  expect(out).toContain('The rule “nowhere” matches no target, scope and login that there is.\n');
  expect(out).toMatch(/less can start a shell/);
  expect(out).not.toContain('No rule covers the target');
});

it('daypass policy schema prints what an editor needs', async () => {
  const { code, out } = await policy('schema');
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    ...{ $schema: expect.stringContaining('json-schema.org'), additionalProperties: false },
    properties: { rules: { items: { properties: { ticket: { description: expect.any(String) } } } } },
  });
});
