import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeKeyFile } from '../../support/peers/openssh.ts';
import { run } from '../../support/peers/processes.ts';
import { SelfServiceWorld, type SetUp } from '../../support/worlds/self-service-world.ts';

let world: SelfServiceWorld;
let setUp: SetUp;
beforeAll(async () => {
  world = await SelfServiceWorld.open();
  await world.grant();
  setUp = await world.setUp();
});
afterEach(() => world.endAll());
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

describe('asked without a target, the gateway', () => {
  it('says to a registered key without any grant how to ask', async () => {
    await world.endAll();
    expect(await world.ask([])).toMatchObject({
      code: 0,
      stdout: 'You have no access at the moment. Request access in Slack: /access request.\n',
    });
    expect(await world.ask(['cert'])).toMatchObject({ code: 1, stdout: '' });
    expect(await world.ask(['end'])).toMatchObject({ code: 1, stdout: '' });
  });

  it('lists grants with the time left, what ends first on top, in 80 columns and as JSON', async () => {
    const long = await world.grant({ targets: ['web-01', 'db-01'], seconds: 7_200 });
    const soon = await world.grant({ targets: ['db-01'], seconds: 600 });
    const { code, stdout } = await world.ask(['list']);
    expect(code).toBe(0);
    const [head, first = '', second = ''] = stdout.split('\n');
    expect(head).toBe('GRANT    TARGETS                    LOGIN        SCOPE     LEFT   ENDS (UTC)');
    expect(first).toMatch(new RegExp(`^${soon.id.slice(0, 8)} db-01 +${world.access.login} +shell +9m `));
    expect(second).toMatch(new RegExp(`^${long.id.slice(0, 8)} .*web-01.* 1h59 `));
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    const json = JSON.parse((await world.ask(['list', '--json'])).stdout);
    expect(json).toEqual({
      grants: [
        expect.objectContaining({ id: soon.id, targets: ['db-01'], scope: 'shell', endsAt: soon.terms.notAfter }),
        expect.objectContaining({ id: long.id, login: world.access.login }),
      ],
      pending: [],
    });
    expect(json.grants[0].secondsLeft).toBeGreaterThan(500);
    expect(json.grants[0].secondsLeft).toBeLessThanOrEqual(600);
  });

  it('serves a terminal, with line ends that a terminal needs', async () => {
    await world.grant();
    const { code, stdout } = await world.ask([], world.key, ['-tt']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^GRANT .*\r\n[0-9a-f]{8} /);
  });

  it('prints a certificate for one grant or for all, the same as long as nothing changed', async () => {
    const [web, db] = [await world.grant({ targets: ['web-01'] }), await world.grant({ targets: ['db-01'] })];
    const issued = async (): Promise<number> =>
      Number((await world.sql("select count(*) as n from audit_event where type = 'certificate_issued'"))[0]?.['n']);
    const before = await issued();
    const [first, second] = await Promise.all([world.ask(['cert']), world.ask(['cert'])]);
    expect(first.stdout).toMatch(/^ssh-ed25519-cert-v01@openssh\.com [A-Za-z0-9+/=]+\n$/);
    expect(second.stdout).toBe(first.stdout);
    expect(await issued()).toBe(before + 1);
    for (const grant of [web, db]) {
      const path = join(world.home, 'one-cert.pub');
      writeFileSync(path, (await world.ask(['cert', grant.id.slice(0, 8)])).stdout);
      const { stdout } = await run('ssh-keygen', ['-L', '-f', path]);
      expect(stdout).toContain(`daypass:${grant.id}:`);
    }
  });

  it('takes a certificate as well as a plain key', async () => {
    await world.grant();
    const key = join(world.home, 'held-by-agent');
    copyFileSync(world.key.path, key);
    copyFileSync(`${world.key.path}.pub`, join(world.home, 'plain.pub'));
    writeFileSync(`${key}-cert.pub`, (await world.ask(['cert'])).stdout);
    const script = [
      ...[`ssh-add -q ${key}`, `ssh-add -qd ${join(world.home, 'plain.pub')}`],
      `ssh -v ${world.reach().join(' ')} -o IdentityFile=none daypass@${world.gateway.address} list`,
    ].join(' && ');
    const { code, stdout, stderr } = await run('ssh-agent', ['sh', '-c', script]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^GRANT/) });
    expect(stderr).toMatch(/Server accepts key: .* ED25519-CERT /);
    expect(stderr.match(/Offering public key/g)).toHaveLength(1);
  });

  it('hands back one grant by the beginning of its id, or everything, and says what ended', async () => {
    const grants = [await world.grant({ targets: ['web-01'] }), await world.grant({ targets: ['db-01'] })];
    const ambiguous = await world.ask(['end']);
    expect(ambiguous.code).toBe(1);
    for (const grant of grants) expect(ambiguous.stderr).toContain(grant.id.slice(0, 8));
    const one = await world.ask(['end', grants[0]?.id.slice(0, 8) ?? '']);
    expect(one).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Handed back [0-9a-f]{8}: web-01 as /) });
    await world.grant({ targets: ['web-01'] });
    expect((await world.ask(['end', '--all'])).stdout.match(/^Handed back /gm)).toHaveLength(2);
    expect((await world.ask(['list'])).stdout).toMatch(/You have no access/);
  });

  it('says what it knows, and what it does not understand, on stderr with 2', async () => {
    const help = await world.ask(['help']);
    for (const verb of ['list [--json]', 'cert [<grant>]', 'end <grant> | --all', 'config', 'help'])
      expect(help.stdout).toContain(verb);
    expect(await world.ask(['frobnicate'])).toMatchObject({
      ...{ code: 2, stdout: '' },
      stderr: 'daypass: "frobnicate" is not a command. Try: help\n',
    });
  });
});

describe('the snippet, set up once,', () => {
  it('is what it is said to be, and the same each time', async () => {
    await world.grant();
    const again = (await world.ask(['config'])).stdout;
    expect(again.replaceAll('~/.ssh', world.home)).toBe(setUp.snippet);
    const lines = again.split('\n').map((line) => line.trim());
    for (const line of ['IdentitiesOnly yes', 'ForwardAgent no', 'WarnWeakCrypto no-pq-kex'])
      expect(lines).toContain(line);
    expect(again).toMatch(/^ {2}# .*post-quantum.*\n {2}WarnWeakCrypto no-pq-kex$/m);
    expect(again).toMatch(/^IgnoreUnknown .*WarnWeakCrypto/m);
    expect(again).toContain(`test.daypass ${world.access.keys.gatewayHostPublicKey.split(' ').slice(0, 2).join(' ')}`);
    expect(again).not.toMatch(/%|ProxyCommand|KnownHostsCommand/);
    // Without quotes the word would be the end of the file to programs that do not know it.
    expect(lines.filter((line) => line.startsWith('Match'))).toEqual([]);
    expect(lines.filter((line) => line.startsWith('"Match"')).map((line) => line.split(' exec ')[0])).toEqual([
      '"Match" host *.test.daypass',
    ]);
  });

  it('runs nothing for other hosts, nor for the gateway itself', async () => {
    setUp.forget();
    for (const host of ['github.com', 'test.daypass', 'web-01.test.daypass.example.com', 'web-01', 'xtest.daypass'])
      expect((await setUp.to(['-G', host])).code).toBe(0);
    expect(setUp.notes).toBe('');
    await setUp.to(['-G', 'web-01.test.daypass']);
    expect(setUp.notes).toMatch(/^shell -c .*\nssh -T .* test\.daypass cert\n$/);
  });

  it('serves two targets, and a grant that comes later, without a new step', async () => {
    const web = await world.grant({ targets: ['web-01'] });
    expect(await setUp.to(['web-01.test.daypass', 'echo in'])).toMatchObject({ code: 0, stdout: 'in\n' });
    const early = await setUp.to(['db-01.test.daypass', 'true']);
    expect(early).toMatchObject({ code: 255, stderr: expect.stringMatching(/Your access does not cover db-01/) });
    await world.grant({ targets: ['db-01'] });
    expect(await setUp.to(['db-01.test.daypass', 'echo there'])).toMatchObject({ code: 0, stdout: 'there\n' });
    expect(await setUp.to(['web-01.test.daypass', 'echo still'])).toMatchObject({ code: 0, stdout: 'still\n' });
    await world.access.revoke(web);
    expect((await setUp.to(['web-01.test.daypass', 'true'])).stderr).toMatch(/does not cover web-01/);
    expect((await setUp.to(['db-01.test.daypass', 'echo on'])).stdout).toBe('on\n');
    await world.endAll();
    const late = await setUp.to(['db-01.test.daypass', 'true']);
    expect(late).toMatchObject({ code: 255, stderr: expect.stringMatching(/daypass: Your access was ended at 20/) });
  });

  it('goes on with what is left where one of two grants runs out', async () => {
    await world.grant({ targets: ['web-01'], seconds: 3_600 });
    const short = await world.grant({ targets: ['db-01'], seconds: 8 });
    expect((await setUp.to(['db-01.test.daypass', 'echo in'])).stdout).toBe('in\n');
    const left = Date.parse(short.terms.notAfter) - Date.now();
    await new Promise((resolve) => setTimeout(resolve, left + 1_000));
    expect((await setUp.to(['web-01.test.daypass', 'echo on'])).stdout).toBe('on\n');
    expect((await setUp.to(['db-01.test.daypass', 'true'])).stderr).toMatch(/does not cover db-01/);
    expect(JSON.parse((await setUp.to(['test.daypass', 'list --json'])).stdout).grants).toHaveLength(1);
  });

  it('writes the certificate whole or not at all, for its owner’s eyes', async () => {
    await world.grant();
    const { certificate } = setUp;
    await setUp.to(['-G', 'web-01.test.daypass']);
    const whole = readFileSync(certificate, 'utf8');
    expect(statSync(certificate).mode & 0o777).toBe(0o600);
    let isOver = false;
    const torn: string[] = [];
    const look = async (): Promise<void> => {
      while (!isOver) {
        const seen = existsSync(certificate) ? readFileSync(certificate, 'utf8') : '(gone)';
        if (seen !== whole) torn.push(seen);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const looking = look();
    await Promise.all(Array.from({ length: 6 }, () => setUp.to(['-G', 'web-01.test.daypass'])));
    isOver = true;
    await looking;
    expect(torn).toEqual([]);
    // Nothing to fetch: what is there stays.
    await world.endAll();
    await setUp.to(['-G', 'web-01.test.daypass']);
    expect(readFileSync(certificate, 'utf8')).toBe(whole);
    const strays = readdirSync(dirname(certificate)).filter((name) => name.startsWith('test-cert.pub.'));
    expect(strays).toEqual([]);
  });

  it('fetches the certificate as it is, whatever a person wishes of all hosts', async () => {
    await world.grant();
    const wish = 'Host *\n  RequestTTY force\n  ForwardAgent yes\n  IdentitiesOnly no\n  LogLevel DEBUG3\n';
    writeFileSync(setUp.config, `${setUp.snippet}${wish}`);
    const { stdout } = await setUp.to(['-G', 'web-01.test.daypass']);
    expect(stdout).toMatch(/^forwardagent no$/m);
    expect(stdout).toMatch(/^identitiesonly yes$/m);
    expect(readFileSync(setUp.certificate, 'utf8')).toBe((await world.ask(['cert'])).stdout);
    writeFileSync(setUp.config, setUp.snippet);
  });

  it('shares connections to targets where a person wants that, never the one to the gateway', async () => {
    await world.endAll();
    const path = join(world.home, 'c-%n');
    const wish = `Host *\n  ControlMaster auto\n  ControlPath ${path}\n  ControlPersist 10\n`;
    writeFileSync(setUp.config, `${setUp.snippet}${wish}`);
    expect((await setUp.to(['test.daypass'])).stdout).toMatch(/You have no access/);
    await world.grant({ targets: ['web-01'] });
    expect((await setUp.to(['web-01.test.daypass', 'echo one'])).stdout).toBe('one\n');
    expect((await setUp.to(['-O', 'check', 'web-01.test.daypass'])).code).toBe(0);
    expect((await setUp.to(['web-01.test.daypass', 'echo two'])).stdout).toBe('two\n');
    await setUp.to(['-O', 'exit', 'web-01.test.daypass']);
    writeFileSync(setUp.config, setUp.snippet);
  });
});

describe('a person without the snippet', () => {
  it('downloads the certificate by hand, and goes in either way', async () => {
    const grant = await world.grant({ targets: ['web-01'] });
    const key = await makeKeyFile(world.home, 'ed25519', 'unused');
    expect((await world.ask(['cert', grant.id], key)).code).toBe(255);
    const file = join(world.home, 'id_ed25519-cert.pub');
    const shell = `ssh ${world.byHand().join(' ')} daypass@${world.gateway.address} cert ${grant.id.slice(0, 8)} > ${file}`;
    expect((await run('sh', ['-c', shell])).code).toBe(0);
    const direct = [...world.byHand(), '-o', `CertificateFile=${file}`];
    const login = `${world.access.login}+web-01@${world.gateway.address}`;
    expect(await run('ssh', [...direct, login, 'echo by hand'])).toMatchObject({ code: 0, stdout: 'by hand\n' });
  });
});
