import { execFile, execFileSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateHybridIdentity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { Fingerprint } from '../../../src/access/ids.ts';
import type { Person, Standing } from '../../../src/access/person.ts';
import { storeOptions } from '../../../src/cli/store-options.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { type OpenStore, openForCommand } from '../../../src/store/store.ts';
import { seePerson } from '../../../src/use-cases/people/see-person.ts';
import { SshKey } from '../../support/peers/signing-key.ts';
import { daypassCommand } from '../../support/worlds/build.ts';

let folder: string;
let config: string;

type Ran = { readonly code: number; readonly out: string; readonly err: string };

const daypass = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> =>
  new Promise((resolve) => {
    const options = { env: { PATH: process.env['PATH'], ...env }, cwd: folder };
    execFile(process.execPath, [...daypassCommand(), ...args], options, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out, err });
    });
  });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'daypass-cli-'));
  config = join(folder, 'daypass.yml');
  expect(await daypass(['init'])).toMatchObject({ code: 0 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('daypass init', () => {
  it('writes what is missing, makes keys that nobody else can read, and changes nothing the second time', async () => {
    const keys = join(folder, 'data', 'keys');
    expect(statSync(keys).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(keys)) expect(statSync(join(keys, name)).mode & 0o077, name).toBe(0);
    const before = readFileSync(join(keys, 'user_ca'), 'utf8');
    const again = await daypass(['init']);
    expect(again).toMatchObject({ code: 0, out: expect.stringContaining('kept') });
    expect(readFileSync(join(keys, 'user_ca'), 'utf8')).toBe(before);
  });

  it('makes the key that reads recordings, and names its recipient in daypass.yml', async () => {
    const text = readFileSync(join(folder, 'data', 'keys', 'console.agekey'), 'utf8');
    expect(text).toMatch(/^# created: \S+Z\n# public key: (age1\w+)\nAGE-SECRET-KEY-1\w+\n$/);
    const recipient = /age1\w+/.exec(text)?.[0];
    expect(parse(readFileSync(config, 'utf8'))).toMatchObject({ recordings: { recipients: [recipient] } });
    expect(readFileSync(config, 'utf8')).toMatch(/# what contractors type/);
  });

  it('gives a configuration of an earlier version a recipient, and keeps what it says', async () => {
    const before = readFileSync(config, 'utf8');
    writeFileSync(config, before.replace(/recordings:\n.*\n/, ''));
    expect(parse(readFileSync(config, 'utf8'))).not.toHaveProperty('recordings');
    const tokens = { SLACK_BOT_TOKEN: 'xoxb-1', SLACK_APP_TOKEN: 'xapp-1' };
    const refused = await daypass(['serve', '--insecure-single-user'], tokens);
    expect(refused).toMatchObject({ code: 2, err: expect.stringMatching(/recordings\.recipients: .*daypass init/) });
    expect(await daypass(['init'])).toMatchObject({ code: 0, out: expect.stringContaining('wrote  its recipient') });
    expect(parse(readFileSync(config, 'utf8'))).toEqual(parse(before));
  });
});

describe('every verb', () => {
  it.each([
    [],
    ['init'],
    ['serve'],
    ['migrate'],
    ['reload'],
    ['manifest'],
    ['demo'],
    ['version'],
    ['targets'],
    ['targets', 'snippet'],
    ['targets', 'scan'],
    ['targets', 'check'],
    ['grants', 'list'],
    ['grants', 'revoke'],
    ['grants', 'confirm'],
    ['sessions', 'list'],
    ['sessions', 'end'],
    ['people', 'readmit'],
    ['engagements', 'close'],
    ['requests', 'withdraw'],
    ['offboard'],
    ['offboard', 'show'],
  ])('%s %s says what it is for', async (...verb) => {
    const ran = await daypass([...verb, '--help']);
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(ran.out).toMatch(/^Usage: daypass/);
  });

  it('that is not known is refused with usage’s exit code', async () => {
    expect(await daypass(['frobnicate'])).toMatchObject({ code: 2, err: expect.stringContaining('unknown command') });
  });
});

describe('daypass manifest', () => {
  it('prints what Slack takes, for Socket Mode and for HTTP', async () => {
    const socket = await daypass(['manifest']);
    expect(parse(socket.out)).toMatchObject({ settings: { socket_mode_enabled: true } });
    const url = 'https://daypass.example.com/slack/events';
    const http = await daypass(['manifest', '--http', url]);
    expect(parse(http.out)).toMatchObject({
      settings: { socket_mode_enabled: false, event_subscriptions: { request_url: url } },
    });
    for (const wrong of ['http://a.example/slack/events', 'https://a.example', 'https://a.example/x?y', 'x']) {
      const ran = await daypass(['manifest', '--http', wrong]);
      expect(ran).toMatchObject({
        code: 2,
        out: '',
        err: expect.stringContaining('--http must be the whole request URL'),
      });
    }
  });
});

describe('daypass serve', () => {
  it('names the missing secrets, and starts nothing', async () => {
    const ran = await daypass(['serve', '--insecure-single-user']);
    expect(ran.code).toBe(2);
    expect(ran.err).toMatch(/SLACK_BOT_TOKEN: missing.*\n.*SLACK_APP_TOKEN: missing/);
    expect(existsSync(join(folder, 'data', 'db'))).toBe(false);
  });

  it('does not let workers share its uid unless told so', async () => {
    const ran = await daypass(['serve'], { SLACK_BOT_TOKEN: 'xoxb-1', SLACK_APP_TOKEN: 'xapp-1' });
    expect(ran.code).toBe(2);
    expect(ran.err).toContain('Set gateway.control_uid, control_gid, worker_uid and worker_gid');
    expect(ran.err).toContain('--insecure-single-user');
  });

  it('--check names all that is wrong at once, starts nothing, and is content with what can be used', async () => {
    const wrong = await daypass(['serve', '--check']);
    expect(wrong).toMatchObject({ code: 2, err: expect.stringMatching(/SLACK_BOT_TOKEN: missing/) });
    const tokens = { SLACK_BOT_TOKEN: 'xoxb-1', SLACK_APP_TOKEN: 'xapp-1' };
    const good = await daypass(['serve', '--check', '--insecure-single-user'], tokens);
    expect(good).toMatchObject({
      code: 0,
      err: '',
      out: expect.stringMatching(/names nobody under engagements\.openers.*is valid: site example, 0 targets/s),
    });
    const shared = await daypass(['serve', '--check'], tokens);
    expect(shared).toMatchObject({ code: 2, err: expect.stringContaining('gateway.control_uid') });
    const place = join(folder, 'data', 'store.json');
    writeFileSync(place, '{"kind":"postgres","database":"daypass","system":null}');
    const elsewhere = await daypass(['serve', '--check', '--insecure-single-user'], tokens);
    rmSync(place);
    expect(elsewhere).toMatchObject({ code: 2, err: expect.stringContaining('DAYPASS_DATABASE_URL is not set') });
    const keys = join(folder, 'data', 'keys');
    renameSync(keys, `${keys}.aside`);
    const both = await daypass(['serve', '--check'], { SLACK_BOT_TOKEN: 'xoxb-1' });
    renameSync(`${keys}.aside`, keys);
    expect(both).toMatchObject({ code: 2, err: expect.stringMatching(/SLACK_APP_TOKEN: missing.*data\/keys/s) });
    expect(existsSync(join(folder, 'data', 'db'))).toBe(false);
  });

  it('--check warns of recipients of whom the weakest decides', async () => {
    const good = readFileSync(config, 'utf8');
    const strong = await identityToRecipient(await generateHybridIdentity());
    const settings = parse(good) as { recordings: { recipients: string[] } };
    settings.recordings.recipients.push(strong);
    writeFileSync(config, stringify(settings));
    const tokens = { SLACK_BOT_TOKEN: 'xoxb-1', SLACK_APP_TOKEN: 'xapp-1' };
    const ran = await daypass(['serve', '--check', '--insecure-single-user'], tokens);
    writeFileSync(config, good);
    expect(ran).toMatchObject({ code: 0, out: expect.stringMatching(/^warning: recordings\.recipients mixes/m) });
  });

  it('takes a public_host without a port', async () => {
    const good = readFileSync(config, 'utf8');
    writeFileSync(config, good.replace(/public_host: .*/, 'public_host: "ssh.example.com:22"'));
    const ran = await daypass(['targets', 'list']);
    writeFileSync(config, good);
    expect(ran).toMatchObject({
      code: 2,
      err: expect.stringMatching(/gateway\.public_host: .*set the port in public_port/),
    });
  });

  it('refuses an unknown setting with its path', async () => {
    const good = readFileSync(config, 'utf8');
    writeFileSync(config, `${good}gatway: {}\n`);
    const ran = await daypass(['targets', 'list']);
    writeFileSync(config, good);
    expect(ran).toMatchObject({
      code: 2,
      err: expect.stringContaining('gatway: unknown setting; the settings here are site'),
    });
  });
});

describe('without a running control', () => {
  it('a command makes no database, and says how to come to one', async () => {
    const ran = await daypass(['grants', 'list']);
    expect(ran).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/has no database yet\. Start `daypass serve`/),
    });
    expect(existsSync(join(folder, 'data', 'db'))).toBe(false);
  });

  it('lists are read from the store, as text and as JSON', async () => {
    expect(await daypass(['migrate'])).toMatchObject({ code: 0, out: expect.stringContaining('0001_initial.sql') });
    expect(await daypass(['grants', 'list'])).toMatchObject({ code: 0, out: 'No grants.\n' });
    expect(JSON.parse((await daypass(['sessions', 'list', '--json'])).out)).toEqual([]);
    expect(await daypass(['engagements', 'list'])).toMatchObject({ code: 0, out: 'No engagements.\n' });
    expect(JSON.parse((await daypass(['offboard', 'list', '--json'])).out)).toEqual([]);
    expect(await daypass(['grants', 'confirm'])).toMatchObject({ code: 0, out: 'Nothing is paused.\n' });
    const revoked = await daypass(['grants', 'revoke', 'abc']);
    expect(revoked).toEqual({ code: 1, out: '', err: 'daypass: No live grant starts with abc. List them first.\n' });
  });

  it('a target’s files and block are printed for that target', async () => {
    const target =
      'targets:\n  - { id: web-01, name: Web, address: 192.0.2.1, host_keys: ["ssh-ed25519 AAAA"], logins: [deploy, ro] }\n';
    writeFileSync(join(folder, 'targets.yml'), target);
    const ran = await daypass(['targets', 'snippet', 'web-01']);
    expect(ran.code).toBe(0);
    expect(ran.out).toContain('Match User deploy,ro\n');
    // What is to be pasted is pasted, in a shell that lets nobody read what it makes.
    const files = join(folder, 'ssh');
    mkdirSync(files);
    const printed = await daypass(['targets', 'snippet', 'web-01', '--ssh-dir', files]);
    const script = printed.out.slice(0, printed.out.indexOf('# 2.'));
    execFileSync('sh', ['-c', `umask 077\n${script}`]);
    const principals = join(files, 'daypass_principals');
    expect(readFileSync(join(principals, 'deploy'), 'utf8')).toBe('deploy@web-01\n');
    expect(readFileSync(join(files, 'daypass_ca.pub'), 'utf8')).toMatch(/^ssh-ed25519 \S+( \S+)?\n$/);
    expect(statSync(principals).mode & 0o777).toBe(0o755);
    expect(statSync(join(principals, 'ro')).mode & 0o777).toBe(0o644);
    const unknown = await daypass(['targets', 'snippet', 'db-01']);
    expect(unknown).toMatchObject({ code: 1, err: expect.stringContaining('targets.yml has: web-01') });
  });
});

/** Somebody whom Slack showed. */
const known = (store: OpenStore, name: string, standing: Standing): Promise<Person> =>
  seePerson({ store, clock: { now: () => new Date() }, random: { uuid: () => randomUUID(), bytes: randomBytes } })({
    account: { teamId: 'T1', userId: `U${name.toUpperCase()}`, enterpriseId: null },
    profile: { name, standing, active: true },
  });

describe('daypass keys', () => {
  it('are listed and retired where no control runs', async () => {
    expect(await daypass(['migrate'])).toMatchObject({ code: 0 });
    const keys = [new SshKey(), new SshKey()];
    {
      await using store = await openForCommand(await storeOptions(loadConfig(config)), true);
      const person = await known(store, 'Casey', 'guest');
      for (const key of keys) {
        const publicKey = `ssh-ed25519 ${Buffer.from(key.blob).toString('base64')}`;
        const fingerprint = Fingerprint.parse(key.fingerprint);
        const registered = { fingerprint, publicKey, personId: person.id, registeredAt: new Date() };
        await store.transaction((tx) => tx.keys.insert(registered));
      }
    }
    const [first, second] = keys.map((key) => key.fingerprint);
    const some = await daypass(['keys', 'list', '--limit', '1']);
    expect(some).toMatchObject({ code: 0, err: '1 of 2 shown. Add --person, or raise --limit.\n' });
    expect((await daypass(['keys', 'list', '--person', 'nobody'])).out).toBe('No keys.\n');
    expect(await daypass(['keys', 'retire', first ?? ''])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Retired/),
    });
    const left = await daypass(['keys', 'list', '--person', 'casey']);
    expect(left.out).toContain(second);
    expect(left.out).not.toContain(first);
  });

  it('are retired with their person, by an id alone; that nothing is left is not proved where no gateway runs', async () => {
    const byName = await daypass(['offboard', 'Casey']);
    expect(byName).toMatchObject({ code: 1, err: expect.stringContaining('By name there is Casey: UCASEY.') });
    const done = await daypass(['offboard', 'UCASEY', '--reason', 'The contract is over', '--json']);
    expect(done).toMatchObject({ code: 1, err: expect.stringContaining('no gateway could be asked') });
    const shown = JSON.parse(done.out);
    expect(shown).toMatchObject({
      ...{ offboarding: { state: 'not proved', keys: 1 }, evidence: { reason: 'The contract is over' } },
    });
    const again = await daypass(['offboard', 'show', shown.offboarding.id.slice(0, 8)]);
    expect(again).toMatchObject({ code: 0, out: expect.stringContaining('not proved yet: no gateway was asked') });
  });
});

it('daypass policy explain takes somebody whom Daypass knows', async () => {
  expect(await daypass(['migrate'])).toMatchObject({ code: 0 });
  {
    await using store = await openForCommand(await storeOptions(loadConfig(config)), true);
    await known(store, 'River', 'external');
  }
  const target = {
    id: 'web-01',
    name: 'Web',
    address: '192.0.2.1',
    host_keys: ['ssh-ed25519 AAAA'],
    logins: ['deploy'],
  };
  writeFileSync(join(folder, 'targets.yml'), stringify({ targets: [target] }));
  const explain = (who: string) =>
    daypass(['policy', 'explain', '--person', who, '--target', 'web-01', '--scope', 'shell']);
  expect((await explain('river')).out).toMatch(/^River: external\n/);
  expect(await explain('UNOBODY')).toMatchObject({
    ...{ code: 2, out: '', err: 'daypass: person: Daypass knows nobody who is called UNOBODY, or has this id.\n' },
  });
});
