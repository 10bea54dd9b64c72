import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TargetId } from '../../../src/access/ids.ts';
import type { Target } from '../../../src/access/target.ts';
import { targetCheck } from '../../../src/gateway/upstream/check-target.ts';
import { scanHostKeys } from '../../../src/gateway/upstream/scan-host-keys.ts';
import type { CertificateAuthority } from '../../../src/use-cases/ports/authority.ts';
import type { Inventory } from '../../../src/use-cases/ports/inventory.ts';
import { runningUser, type Sshd, startSshd } from '../../support/peers/sshd.ts';
import { testAuthority, testKeys } from '../../support/worlds/authority.ts';

const keys = testKeys();
const authority: CertificateAuthority = testAuthority(keys);
const login = runningUser();
const WEB = TargetId.parse('web-01');

const targetAt = (sshd: Pick<Sshd, 'address' | 'port' | 'hostKeyLine'>): Target => ({
  ...{ id: WEB, name: 'Web server', address: sshd.address, port: sshd.port, host_keys: [sshd.hostKeyLine] },
  ...{ labels: {}, logins: [login as never] },
});

async function check(target: Target, sourceAddress: string | null = null) {
  const inventory = { site: 'test', targets: [target], find: () => target } as unknown as Inventory;
  const findings = await targetCheck({ authority, inventory, clock: { now: () => new Date() }, sourceAddress })(WEB);
  return {
    findings,
    problems: findings.filter(({ level }) => level === 'problem').map(({ text }) => text),
  };
}

describe('checking a target', () => {
  let sshd: Sshd;
  beforeAll(async () => {
    sshd = await startSshd({ userCa: keys.targetCaPublicKey, principals: [`${login}@web-01`] });
  });
  afterAll(() => sshd?.[Symbol.asyncDispose]());

  it('that is set up as printed finds no problem and says from where it sees the gateway', async () => {
    const { findings, problems } = await check(targetAt(sshd));
    expect(problems).toEqual([]);
    expect(findings.map(({ text }) => text)).toEqual([
      `${login}: logged in, host key as pinned`,
      `${login}: sees the gateway at 127.0.0.1; to bind certificates to that address, set gateway.source_address`,
      `${login}: gets a terminal`,
      `${login}: certificates for other targets are refused`,
    ]);
  });

  it('compares the address that it sees with the one that is configured', async () => {
    expect((await check(targetAt(sshd), '127.0.0.1')).findings).toContainEqual({
      level: 'ok',
      text: `${login}: sees the gateway at 127.0.0.1, as configured`,
    });
    expect((await check(targetAt(sshd), '192.0.2.7')).problems).toEqual([
      `${login}: sees the gateway at 127.0.0.1, but gateway.source_address is 192.0.2.7: sessions will be refused`,
    ]);
  });

  it('with another host key than the pinned one says how to look', async () => {
    const { hostKeyLine } = { hostKeyLine: keys.userCaPublicKey };
    const { problems } = await check(targetAt({ ...sshd, hostKeyLine }));
    expect(problems).toEqual([
      expect.stringMatching(/shows a different host key than the one pinned\. Compare them: daypass targets scan/),
    ]);
  });

  it('without the block says where it is to be found', async () => {
    await using bare = await startSshd({ setUp: () => ({ files: [], block: '' }) });
    const { problems } = await check(targetAt(bare));
    expect(problems).toEqual([
      expect.stringMatching(/sshd refuses the certificate\..* the block that daypass targets snippet web-01 prints/),
    ]);
  });

  it('without a terminal says so', async () => {
    await using mute = await startSshd({
      ...{ userCa: keys.targetCaPublicKey, principals: [`${login}@web-01`] },
      extraConfig: 'PermitTTY no',
    });
    expect((await check(targetAt(mute))).problems).toEqual([expect.stringMatching(/gets no terminal/)]);
  });

  it('that lets a certificate for another target in says which file is missing', async () => {
    await using open = await startSshd({
      setUp: (dir) => ({
        files: [{ path: `${dir}/ca.pub`, content: `${keys.targetCaPublicKey}\n` }],
        block: [
          `Match User ${login}`,
          `  TrustedUserCAKeys ${dir}/ca.pub`,
          `  AuthorizedPrincipalsCommand /bin/sh -c "echo ${login}@web-01; echo ${login}@daypass-check-of-another-target"`,
          `  AuthorizedPrincipalsCommandUser ${login}`,
          'Match all',
        ].join('\n'),
      }),
    });
    const { problems } = await check(targetAt(open));
    expect(problems).toEqual([
      expect.stringMatching(/a certificate for another target is accepted\. AuthorizedPrincipalsFile is missing/),
    ]);
  });

  it.each([
    [
      'KexAlgorithms ecdh-sha2-nistp256,diffie-hellman-group14-sha256',
      /no key exchange in common: the target offers ecdh-sha2-nistp256, diffie-hellman-group14-sha256; the gateway accepts curve25519-sha256/,
    ],
    [
      'Ciphers chacha20-poly1305@openssh.com',
      /no cipher in common: the target offers chacha20-poly1305@openssh\.com; the gateway accepts aes128-gcm/,
    ],
    [
      'Ciphers aes256-ctr\nMACs hmac-sha2-256',
      /no MAC in common: the target offers hmac-sha2-256; the gateway accepts hmac-sha2-512-etm/,
    ],
  ])('with only %s says who offers what, and is entered with the legacy algorithms', async (extraConfig, said) => {
    await using old = await startSshd({
      ...{ userCa: keys.targetCaPublicKey, principals: [`${login}@web-01`] },
      extraConfig,
    });
    const { problems } = await check(targetAt(old));
    expect(problems).toEqual([expect.stringMatching(said)]);
    expect(problems[0]).toMatch(/add "algorithms: legacy" to it in targets\.yml$/);
    expect((await check({ ...targetAt(old), algorithms: 'legacy' })).problems).toEqual([]);
    const notes: string[] = [];
    expect(await scanHostKeys(old.address, old.port, 10_000, (text) => notes.push(text))).toEqual([old.hostKeyLine]);
    expect(notes).toEqual([expect.stringMatching(said)]);
  });

  it('that has nothing at all in common is not said to be helped, nor to have no host key', async () => {
    await using old = await startSshd({
      ...{ userCa: keys.targetCaPublicKey, principals: [`${login}@web-01`] },
      extraConfig: 'KexAlgorithms diffie-hellman-group18-sha512',
    });
    expect((await check(targetAt(old))).problems).toEqual([expect.stringMatching(/; its sshd must offer more$/)]);
    await expect(scanHostKeys(old.address, old.port, 10_000)).rejects.toThrow(
      /and the gateway have no key exchange in common: the target offers diffie-hellman-group18-sha512/,
    );
  });

  it('that takes long to log in is waited for, and said to be slow only then', async () => {
    await using slow = await startSshd({
      setUp: (dir) => ({
        files: [
          { path: `${dir}/ca.pub`, content: `${keys.targetCaPublicKey}\n` },
          { path: `${dir}/principals`, content: `#!/bin/sh\nsleep 2\necho ${login}@web-01\n` },
        ],
        block: [
          `Match User ${login}`,
          `  TrustedUserCAKeys ${dir}/ca.pub`,
          `  AuthorizedPrincipalsCommand /bin/sh ${dir}/principals`,
          `  AuthorizedPrincipalsCommandUser ${login}`,
          'Match all',
        ].join('\n'),
      }),
    });
    const target = targetAt(slow);
    const inventory = { site: 'test', targets: [target], find: () => target } as unknown as Inventory;
    const deps = { authority, inventory, clock: { now: () => new Date() }, sourceAddress: null };
    expect(await targetCheck({ ...deps, targetLoginMs: 1_000 })(WEB)).toEqual([
      {
        level: 'problem',
        text: expect.stringMatching(
          /was reached, but the login took longer than 1 seconds\. .*gateway\.target_login_seconds/,
        ),
      },
    ]);
    expect(await targetCheck({ ...deps, targetLoginMs: 10_000 })(WEB)).toContainEqual({
      level: 'ok',
      text: `${login}: logged in, host key as pinned`,
    });
  });

  it('that is not there says so', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, 'close');
    const { problems } = await check(targetAt({ ...sshd, port }));
    expect(problems).toEqual([
      expect.stringMatching(
        /cannot be reached: nothing is listening there \(connection refused\)\. Is sshd running there/,
      ),
    ]);
  });
});

describe('scanning host keys', () => {
  it('finds those that sshd shows, in the form that targets.yml takes', async () => {
    await using sshd = await startSshd({ userCa: keys.targetCaPublicKey, principals: ['x@y'] });
    expect(await scanHostKeys(sshd.address, sshd.port, 10_000)).toEqual([sshd.hostKeyLine]);
  });

  it('says what is wrong where nothing answers', async () => {
    await expect(scanHostKeys('127.0.0.1', 1, 2_000)).rejects.toThrow(
      /127\.0\.0\.1:1 cannot be scanned: nothing is listening there/,
    );
  });
});
