import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engagement } from '../../src/access/engagement.ts';
import type { Grant } from '../../src/access/grant.ts';
import { type Fingerprint, TargetId } from '../../src/access/ids.ts';
import type { Person } from '../../src/access/person.ts';
import { type Gateway, startGateway } from '../../src/gateway/gateway.ts';
import { openStore } from '../../src/store/store.ts';
import { gatewayControl } from '../../src/use-cases/gateway-authority.ts';
import { refusalNotes } from '../../src/use-cases/note-refusals.ts';
import { AccessWorld } from '../support/access-world.ts';
import { type TestFolder, testFolder } from '../support/folder.ts';
import { fingerprintOf } from '../support/gateway-world.ts';
import { type KeyFile, makeKeyFile } from '../support/openssh.ts';
import { run } from '../support/processes.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';

/** Real control, store, gateway and sshd; a person with stock OpenSSH and the snippet that `config` prints. */
describe('the gateway serves people by itself', () => {
  let storeFolder: TestFolder;
  let world: AccessWorld;
  let gateway: Gateway;
  let sshd: Sshd;
  let contractor: Person;
  let other: Person;
  let reviewer: Person;
  let engagement: Engagement;
  let key: KeyFile;
  let otherKey: KeyFile;
  let home: string;

  const register = async (person: Person, file: KeyFile): Promise<void> =>
    world.store.transaction((tx) =>
      tx.keys.insert({
        fingerprint: fingerprintOf(file) as Fingerprint,
        publicKey: file.line,
        personId: person.id,
        registeredAt: new Date(),
      }),
    );

  beforeAll(async () => {
    storeFolder = testFolder();
    const log = pino({ level: process.env['DAYPASS_LOG_LEVEL'] ?? 'silent' });
    world = AccessWorld.over(await openStore({ databaseUrl: null, dataDir: storeFolder.path, log }));
    const principals = ['web-01', 'db-01'].map((target) => `${world.login}@${target}`);
    sshd = await startSshd({ userCa: world.keys.targetCaPublicKey, principals });
    for (const id of ['web-01', 'db-01']) {
      world.targets.push({
        ...{ id: TargetId.parse(id), name: id, address: sshd.address, port: sshd.port },
        ...{ host_keys: [sshd.hostKeyLine], labels: {}, logins: [world.login] },
      });
    }
    const refusals = refusalNotes(world.deps);
    const control = gatewayControl({ ...world.deps, sourceAddress: '127.0.0.1', connectionsPerGrant: 10, refusals });
    gateway = await startGateway(
      {
        ...{ listen: { host: '127.0.0.1', port: 0 }, workers: 1, site: 'test', minFreeMiB: 1 },
        ...{ hostKey: world.keys.gatewayHostKey, userCa: world.keys.userCaPublicKey },
        ...{ spool: join(world.folder, 'spool'), recordings: join(world.folder, 'recordings') },
        log,
        recipients: [await identityToRecipient(await generateX25519Identity())],
      },
      control,
    );
    [contractor, other, reviewer] = [
      await world.person('UCONTRACT', 'guest'),
      await world.person('UOTHER', 'guest'),
      await world.person('UREVIEW'),
    ];
    engagement = await world.engagement([contractor, other], [reviewer]);
    home = join(world.folder, 'home', '.ssh');
    mkdirSync(join(home, 'daypass'), { recursive: true, mode: 0o700 });
    key = await makeKeyFile(home, 'ed25519', 'id_ed25519');
    otherKey = await makeKeyFile(home, 'ed25519', 'other');
    await register(contractor, key);
    await register(other, otherKey);
    writeFileSync(join(home, 'known'), `gw ${world.keys.gatewayHostPublicKey}\n`);
  });
  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await sshd?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
    storeFolder?.[Symbol.dispose]();
  });

  const ask = (words: readonly string[], file: KeyFile = key, more: readonly string[] = []) =>
    run('ssh', [
      ...['-F', 'none', '-o', 'IdentitiesOnly=yes', '-o', 'IdentityAgent=none'],
      ...['-o', 'HostKeyAlias=gw', '-o', `UserKnownHostsFile=${join(home, 'known')}`, '-i', file.path, ...more],
      ...['-p', String(gateway.port), `daypass@${gateway.address}`, ...words],
    ]);

  it('a registered key without any grant is told so, and how to ask', async () => {
    const { code, stdout } = await ask([]);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'You have no access at the moment. Ask in Slack: /access request.\n',
    });
  });

  it('a key that nobody registered is refused', async () => {
    const stranger = await makeKeyFile(home, 'ed25519', 'stranger');
    const { code, stdout, stderr } = await ask(['list'], stranger);
    expect({ code, stdout }).toEqual({ code: 255, stdout: '' });
    expect(stderr).toMatch(/No key that is registered here was presented/);
  });

  it('what is no question is said on stderr, with 2', async () => {
    const { code, stdout, stderr } = await ask(['frobnicate']);
    expect({ code, stdout, stderr }).toEqual({
      ...{ code: 2, stdout: '' },
      stderr: 'daypass: "frobnicate" is not understood. Say: help\n',
    });
  });

  it('one set-up serves each new grant, and nothing runs for other hosts', async () => {
    const calls = join(world.folder, 'calls');
    const bin = join(world.folder, 'bin');
    mkdirSync(bin);
    const config = join(home, 'daypass', 'test.conf');
    // ssh reads ~ from the password database: the snippet is set up in a folder of its own, and each ssh is told of it and noted.
    writeFileSync(join(bin, 'ssh'), `#!/bin/sh\necho "$*" >> ${calls}\nexec /usr/bin/ssh -F ${config} "$@"\n`);
    chmodSync(join(bin, 'ssh'), 0o755);
    const grants: Grant[] = [await world.grant(contractor, reviewer, engagement, { targets: ['web-01'] })];
    const snippet = (await ask(['config'])).stdout.replaceAll('~/.ssh', home);
    writeFileSync(config, snippet);
    const trust = /echo '(.*)' > (.*)$/m.exec(snippet);
    writeFileSync(trust?.[2] ?? '', `${trust?.[1]}\n`);
    const env = { ...process.env, PATH: `${bin}:${process.env['PATH']}`, SSH_AUTH_SOCK: '' };
    const to = (args: readonly string[]) => run('/usr/bin/ssh', ['-F', config, ...args], { env });

    await to(['-G', 'github.com']);
    await to(['-G', 'test.daypass']);
    expect(existsSync(calls)).toBe(false);
    expect(await to(['web-01.test.daypass', 'echo in'])).toMatchObject({ code: 0, stdout: 'in\n' });
    grants.push(await world.grant(contractor, reviewer, engagement, { targets: ['db-01'] }));
    expect(await to(['db-01.test.daypass', 'echo there'])).toMatchObject({ code: 0, stdout: 'there\n' });
    expect(readFileSync(calls, 'utf8')).toMatch(/test\.daypass cert/);
    for (const grant of grants) await world.revoke(grant);
    const late = await to(['db-01.test.daypass', 'true']);
    expect(late.code).toBe(255);
    expect(late.stderr).toMatch(/daypass: Your access was ended at 20/);
  });

  it('certificates are reissued only when what is granted changed', async () => {
    const count = async (): Promise<number> =>
      (await world.store.transaction((tx) => tx.audit.list(1_000))).filter((each) => each.type === 'certificate_issued')
        .length;
    await world.grant(contractor, reviewer, engagement, { targets: ['web-01'] });
    await world.grant(contractor, reviewer, engagement, { targets: ['db-01'] });
    const before = await count();
    const [first, second] = await Promise.all([ask(['cert']), ask(['cert'])]);
    expect(first.stdout).toMatch(/^ssh-ed25519-cert-v01@openssh\.com [A-Za-z0-9+/=]+\n$/);
    expect(second.stdout).toBe(first.stdout);
    expect(await count()).toBe(before + 1);
  });

  it('another person’s grant is nobody’s to name', async () => {
    const [grant] = (await world.store.transaction((tx) => tx.grants.list({ activeAt: new Date(), limit: 9 }))).filter(
      (each) => each.terms.personId === contractor.id,
    );
    for (const verb of ['cert', 'end']) {
      const { code, stdout, stderr } = await ask([verb, grant?.id ?? ''], otherKey);
      expect({ verb, code, stdout }).toEqual({ verb, code: 1, stdout: '' });
      expect(stderr).toMatch(/You have no access|You have no grant/);
    }
  });

  it('handing everything back says what ended', async () => {
    const { code, stdout } = await ask(['end', '--all']);
    expect(code).toBe(0);
    expect(stdout.match(/^Handed back [0-9a-f]{8}: /gm)).toHaveLength(2);
    expect((await ask(['list'])).stdout).toMatch(/You have no access/);
  });
});
