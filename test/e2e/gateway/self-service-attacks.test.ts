import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ASKS_PER_JUMP } from '../../../src/gateway/limits.ts';
import { retireKey } from '../../../src/use-cases/people/retire-key.ts';
import { seePerson } from '../../../src/use-cases/people/see-person.ts';
import { makeKeyFile } from '../../support/peers/openssh.ts';
import { run } from '../../support/peers/processes.ts';
import { fingerprintOf } from '../../support/worlds/gateway-world.ts';
import { SelfServiceWorld, type SetUp } from '../../support/worlds/self-service-world.ts';

let world: SelfServiceWorld;
let setUp: SetUp;
beforeAll(async () => {
  world = await SelfServiceWorld.open();
  await world.grant();
  setUp = await world.setUp();
  await world.endAll();
});
afterEach(() => world.endAll());
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

const liveIds = async (): Promise<readonly string[]> =>
  (await world.access.store.transaction((tx) => tx.grants.list({ activeAt: new Date(), limit: 100 }))).map(
    (grant) => grant.id,
  );

/** A connection to the gateway that several ssh share. */
async function sharedBy(key: string) {
  const path = join(world.home, 'cm');
  const line = readFileSync(`${key}.pub`, 'utf8');
  const master = spawn('ssh', [
    ...world.byHand({ path: key, line }),
    ...['-M', '-N', '-S', path, '-o', 'ControlPersist=no', `daypass@${world.gateway.address}`],
  ]);
  while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 20));
  return {
    ask: (words: readonly string[]) => run('ssh', ['-S', path, '-F', 'none', 'daypass@gw', ...words]),
    async [Symbol.asyncDispose]() {
      master.kill();
      await once(master, 'close');
    },
  };
}

describe('what is another person’s', () => {
  it('is refused with the words for a grant that there is not, and lives on', async () => {
    const theirs = await world.grant();
    await world.grant({}, world.other);
    const unknown = '00000000-0000-4000-8000-000000000000';
    for (const verb of ['cert', 'end']) {
      for (const length of [8, 13, 36]) {
        const named = await world.ask([verb, theirs.id.slice(0, length)], world.otherKey);
        const nobodys = await world.ask([verb, unknown.slice(0, length)], world.otherKey);
        expect(named).toMatchObject({ code: 1, stdout: '' });
        expect(named.stderr.replaceAll(theirs.id.slice(0, length), '<id>')).toBe(
          nobodys.stderr.replaceAll(unknown.slice(0, length), '<id>'),
        );
      }
    }
    await world.ask(['end', '--all'], world.otherKey);
    expect(await liveIds()).toEqual([theirs.id]);
    expect((await world.ask(['list'], world.otherKey)).stdout).not.toContain(theirs.id.slice(0, 8));
  });

  it('is not reached by a certificate that was taken: the key decides', async () => {
    await world.grant();
    const stolen = join(world.home, 'stolen-cert.pub');
    writeFileSync(stolen, (await world.ask(['cert'])).stdout);
    const { code, stdout } = await world.ask(['list'], world.otherKey, ['-o', `CertificateFile=${stolen}`]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^You have no access/) });
  });
});

describe('a key', () => {
  it('that nobody registered is refused, and told how to register', async () => {
    const stranger = await makeKeyFile(world.home, 'ed25519', 'stranger');
    const { code, stdout, stderr } = await world.ask(['list'], stranger);
    expect({ code, stdout }).toEqual({ code: 255, stdout: '' });
    expect(stderr).toMatch(/Your client offered neither a registered key nor a certificate/);
  });

  it('that was removed is refused, also on a connection that it has opened', async () => {
    const key = await makeKeyFile(world.home, 'ed25519', 'second');
    await world.register(world.contractor, key);
    const grant = await world.grant();
    writeFileSync(`${key.path}-cert.pub`, (await world.ask(['cert', grant.id], key)).stdout);
    await using connection = await sharedBy(key.path);
    expect((await connection.ask(['list'])).stdout).toMatch(/^GRANT/);
    await world.sql('alter table registered_key disable trigger user');
    await world.sql('delete from registered_key where public_key = $1', [key.line]);
    for (const words of [['list'], ['cert'], ['end', '--all'], ['config']]) {
      const answer = await connection.ask(words);
      expect(answer).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/no longer registered/) });
    }
    expect(await liveIds()).toEqual([grant.id]);
    const anew = await world.ask(['list'], key);
    expect(anew).toMatchObject({ code: 255, stdout: '' });
    expect(anew.stderr).toMatch(/The key SHA256:\S+ is not registered/);
  });

  it('that was registered a moment ago opens the gateway at once, and its code nothing more', async () => {
    const code = await world.access.code(world.contractor.id);
    const [key, another] = [
      await makeKeyFile(world.home, 'ed25519', 'just-now'),
      await makeKeyFile(world.home, 'ed25519', 'too-late'),
    ];
    const to = ['-v', '-o', 'BatchMode=yes', `register-${code}@${world.gateway.address}`];
    expect((await run('ssh', [...world.byHand(key), ...to])).code).toBe(0);
    expect((await world.ask(['list'], key)).code).toBe(0);
    const { code: exit, stderr } = await run('ssh', [...world.byHand(another), ...to]);
    expect(exit).toBe(255);
    expect(stderr).toMatch(/daypass: That registration code was used or has expired/);
    // Before a passphrase would have been asked for.
    expect(stderr).not.toMatch(/Offering public key/);
  });

  it('that was retired is refused as that, in batch mode too', async () => {
    const key = await makeKeyFile(world.home, 'ed25519', 'retired');
    await world.register(world.contractor, key);
    const retire = { by: world.contractor.id, fingerprint: fingerprintOf(key), isSecurity: false };
    expect(await retireKey(world.access.deps)(retire)).toMatchObject({ ok: true });
    const { code, stderr } = await world.ask(['list'], key, ['-o', 'BatchMode=yes']);
    expect(code).toBe(255);
    expect(stderr).toMatch(/^daypass: The key SHA256:\S+ was retired and no longer works/m);
  });

  it('of a deactivated person is refused, also on a connection that it has opened', async () => {
    await world.grant({}, world.contractor);
    const profile = { name: 'UCONTRACT', standing: 'guest' as const };
    const account = { teamId: 'T1', userId: 'UCONTRACT', enterpriseId: null };
    await using connection = await sharedBy(world.key.path);
    expect((await connection.ask(['list'])).stdout).toMatch(/^GRANT/);
    await seePerson(world.access.deps)({ account, profile: { ...profile, active: false } });
    for (const words of [['list'], ['cert'], ['end', '--all'], ['config']]) {
      const answer = await connection.ask(words);
      expect(answer).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/account is deactivated/) });
    }
    expect(await world.ask(['list'], world.key, ['-o', 'BatchMode=yes'])).toMatchObject({
      ...{ code: 255, stdout: '' },
      stderr: expect.stringMatching(/^daypass: Your Slack account is deactivated, so you have no access/m),
    });
    await seePerson(world.access.deps)({ account, profile: { ...profile, active: true } });
    expect((await world.ask(['list'])).code).toBe(0);
  });
});

describe('the words of an exec line', () => {
  const HOSTILE = [
    ...['list; id', 'list && end --all', 'list\nend --all', 'end --all; list', '$(end --all)'],
    ...['`end`', 'cert ../../etc/passwd', 'cert *', "cert ' or 1=1", 'cert %', 'end -- --all', 'end --all --all'],
    ...['list --json list', 'cert --all', ' -oProxyCommand=id', 'sftp-server', '/bin/sh', 'scp -t /tmp'],
    ...['\u001b]0;title\u0007', '\u001b[2J', 'cert \u202egpj', `cert ${'a'.repeat(200)}`, 'CONFIG', 'énd --all'],
  ];

  it.each(HOSTILE)('are words and nothing else: %j', async (words) => {
    const grant = await world.grant();
    const { code, stdout, stderr } = await world.ask([words]);
    expect(stdout).toBe('');
    expect([1, 2]).toContain(code);
    expect(stderr).toMatch(/^daypass: [\x20-\x7e]{1,200}\n$/);
    expect(await liveIds()).toEqual([grant.id]);
  });

  it('may be a thousand characters, and are refused beyond', async () => {
    await world.grant();
    expect((await world.ask([`list${' '.repeat(1_000)}`])).code).toBe(0);
    for (const length of [1_025, 30_000, 100_000]) {
      const { code, stdout } = await world.ask(['x'.repeat(length)]);
      expect({ length, stdout }).toEqual({ length, stdout: '' });
      expect(code).not.toBe(0);
    }
    expect((await world.ask(['list'])).code).toBe(0);
  });
});

describe('a connection to the gateway itself', () => {
  const sessions = async (): Promise<number> =>
    Number((await world.sql('select count(*) as n from session'))[0]?.['n']);

  it('may ask so many times, and then has to come again', async () => {
    await using connection = await sharedBy(world.key.path);
    const codes: (number | null)[] = [];
    for (let asked = 0; asked <= ASKS_PER_JUMP; asked += 1) codes.push((await connection.ask(['help'])).code);
    expect(codes).toEqual([...Array.from({ length: ASKS_PER_JUMP }, () => 0), 1]);
    expect((await world.ask(['help'])).code).toBe(0);
  });

  it('is no shell, no file server, no tunnel, and opens nothing on a target', async () => {
    await world.grant();
    const before = await sessions();
    const logins = () => world.sshd.log().match(/Accepted publickey/g)?.length ?? 0;
    const loginsBefore = logins();
    const shell = await run('ssh', ['-tt', ...world.byHand(), `daypass@${world.gateway.address}`], {
      stdin: 'id\n',
    });
    expect(shell).toMatchObject({ code: 0, stdout: expect.stringMatching(/^GRANT/) });
    const subsystem = await world.ask(['sftp'], world.key, ['-s']);
    expect(subsystem).toMatchObject({ stdout: '', stderr: expect.stringMatching(/subsystem request failed/) });
    const { address, port } = world.sshd;
    for (const to of [`${address}:${port}`, 'localhost:22', `gw:${world.gateway.port}`]) {
      const tunnel = await world.ask([], world.key, ['-W', to]);
      expect(tunnel).toMatchObject({ code: 255, stdout: '', stderr: expect.stringMatching(/prohibited/) });
    }
    const back = await world.ask([], world.key, ['-N', '-o', 'ExitOnForwardFailure=yes', '-R', '0:localhost:1']);
    expect(back).toMatchObject({
      code: 255,
      stdout: '',
      stderr: expect.stringMatching(/remote port forwarding failed/),
    });
    await world.ask(['list'], world.key, ['-A', '-X']);
    expect([await sessions(), logins()]).toEqual([before, loginsBefore]);
  });

  it('does not lead a plain key on to a target', async () => {
    await world.grant();
    const proxy = `ssh ${world.byHand().join(' ')} -W %h:%p daypass@${world.gateway.address}`;
    const { code, stderr } = await run('ssh', [
      ...world.byHand(),
      ...['-o', `ProxyCommand=${proxy}`, `${world.access.login}@web-01.test.daypass`, 'true'],
    ]);
    expect(code).toBe(255);
    expect(stderr).toMatch(/Your client sent no certificate from this gateway/);
  });
});

describe('handing back', () => {
  it('ends the live sessions of that grant within a second, and no others', async () => {
    const ending = await world.grant({ targets: ['web-01'] });
    await world.grant({ targets: ['db-01'] });
    const open = (host: string) => {
      const child = spawn('/usr/bin/ssh', ['-F', setUp.config, host, 'echo in; exec sleep 60'], { env: setUp.env });
      const state = { endedAt: 0, text: '', errors: '' };
      const begun = once(child.stdout, 'data');
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        state.errors += text;
      });
      const closed = once(child, 'exit').then(() => {
        state.endedAt = performance.now();
      });
      return { child, state, begun, closed };
    };
    const [web, db] = [open('web-01.test.daypass'), open('db-01.test.daypass')];
    await Promise.all([web.begun, db.begun]);
    const { stdout } = await world.ask(['end', ending.id.slice(0, 8)]);
    const answered = performance.now();
    expect(stdout).toMatch(/; 1 live session ends with it\n$/);
    await web.closed;
    expect(web.state.endedAt - answered).toBeLessThan(1_000);
    expect(web.state.errors).toMatch(/daypass: /);
    expect(db.child.exitCode).toBeNull();
    db.child.kill();
    await db.closed;
  });
});
