import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TargetId } from '../../../../src/access/ids.ts';
import { accessFiles, installLines } from '../../../../src/slack/messages/access-files.ts';
import { directCommand, knownHostsLine } from '../../../../src/slack/words/gateway-facts.ts';
import { fingerprint, grant, grantId, targetPin } from '../../../support/samples/samples.ts';
import { certificate, key } from '../../../support/worlds/world.ts';

const GATEWAY = {
  host: 'ssh.example.com',
  port: 2222,
  hostKeyLine: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== gateway',
  site: 'acme',
};
const GRANT = grant(1, { targets: [targetPin('web-01'), targetPin('db-01')] });
const PREFIX = 'daypass-dd000000';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'daypass-ssh-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const files = (amount = 1) =>
  accessFiles(
    GRANT,
    Array.from({ length: amount }, (_, n) => ({ ...certificate(n + 1), fingerprint: fingerprint(n + 1) })),
    Array.from({ length: amount }, (_, n) => ({
      ...key(n + 1),
      publicKey: n === 0 ? 'ssh-ed25519 AAAA' : 'ecdsa-sha2-nistp256 AAAA',
    })),
    GATEWAY,
  );

/** What ssh would do, by its own word; its tilde is the password file's, so files are read from where they are. */
function resolved(config: string, ...destination: string[]): Map<string, string[]> {
  const path = join(home, 'config');
  writeFileSync(path, config);
  const { stdout, stderr, status } = spawnSync('ssh', ['-T', '-G', '-F', path, ...destination], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const settings = new Map<string, string[]>();
  for (const line of stdout.trim().split('\n')) {
    const [name = '', ...value] = line.split(' ');
    settings.set(name, [...(settings.get(name) ?? []), value.join(' ')]);
  }
  return settings;
}

const conf = (of = files()): string => of.find((file) => file.name.endsWith('.conf'))?.content ?? '';

/** Of the files of two keys. */
const WHOLE = `# Daypass: web-01, db-01 as deploy
# Valid until 2030-05-02 13:00 UTC. Delete ~/.ssh/daypass/daypass-dd000000* after that.
# Keep this file in ~/.ssh/daypass/. The first line of ~/.ssh/config must be: Include daypass/*.conf
# IdentityFile is where ssh-keygen saves such a key by default. If the private key that you registered is elsewhere,
# change each IdentityFile line. For a key in an agent, name its .pub file.

# ssh uses the first IgnoreUnknown that it reads. UseKeychain is for configurations shared with a Mac.
IgnoreUnknown WarnWeakCrypto,UseKeychain

Host acme.daypass
  HostName ssh.example.com
  Port 2222
  User daypass

Host web-01.acme.daypass db-01.acme.daypass
  User deploy
  ProxyJump acme.daypass

Host acme.daypass web-01.acme.daypass db-01.acme.daypass
  HostKeyAlias acme.daypass
  UserKnownHostsFile ~/.ssh/daypass/daypass-dd000000.known_hosts
  StrictHostKeyChecking yes
  CertificateFile ~/.ssh/daypass/daypass-dd000000-1-cert.pub
  CertificateFile ~/.ssh/daypass/daypass-dd000000-2-cert.pub
  IdentityFile ~/.ssh/id_ed25519
  IdentityFile ~/.ssh/id_ecdsa
  IdentitiesOnly yes
  ForwardAgent no
  WarnWeakCrypto no-pq-kex

# The direct form, ssh <login>+<target>@<gateway>. Without the quotes, programs that read this file and do not know Match
# would stop here.
"Match" originalhost ssh.example.com user deploy+web-01,deploy+db-01
  Port 2222
  HostKeyAlias acme.daypass
  UserKnownHostsFile ~/.ssh/daypass/daypass-dd000000.known_hosts
  StrictHostKeyChecking yes
  CertificateFile ~/.ssh/daypass/daypass-dd000000-1-cert.pub
  CertificateFile ~/.ssh/daypass/daypass-dd000000-2-cert.pub
  IdentityFile ~/.ssh/id_ed25519
  IdentityFile ~/.ssh/id_ecdsa
  IdentitiesOnly yes
  ForwardAgent no
  WarnWeakCrypto no-pq-kex

Host *
`;

describe('the ssh_config of a grant', () => {
  it('is this, to the byte, beside the certificates and the host key', () => {
    expect(files(2)).toEqual([
      { name: `${PREFIX}-1-cert.pub`, content: 'ssh-ed25519-cert-v01@openssh.com AAAA1\n' },
      { name: `${PREFIX}-2-cert.pub`, content: 'ssh-ed25519-cert-v01@openssh.com AAAA2\n' },
      { name: `${PREFIX}.conf`, content: WHOLE },
      { name: `${PREFIX}.known_hosts`, content: 'acme.daypass ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==\n' },
    ]);
  });

  it('sends ssh to the target through the gateway as the granted login, trusting the gateway’s key only', () => {
    const web = resolved(conf(), 'web-01.acme.daypass');
    expect(web.get('user')).toEqual(['deploy']);
    expect(web.get('proxyjump')).toEqual(['acme.daypass']);
    expect(web.get('hostkeyalias')).toEqual(['acme.daypass']);
    expect(web.get('certificatefile')).toEqual([`~/.ssh/daypass/${PREFIX}-cert.pub`]);
    expect(web.get('identityfile')).toEqual(['~/.ssh/id_ed25519']);
    expect(web.get('identitiesonly')).toEqual(['yes']);
    expect(web.get('forwardagent')).toEqual(['no']);
    expect(web.get('stricthostkeychecking')).toEqual(['true']);
    expect(web.get('userknownhostsfile')?.[0]).toMatch(new RegExp(`/\\.ssh/daypass/${PREFIX}\\.known_hosts$`));
  });

  it('logs in to the gateway itself as daypass', () => {
    const gateway = resolved(conf(), 'acme.daypass');
    expect(gateway.get('user')).toEqual(['daypass']);
    expect(gateway.get('hostname')).toEqual(['ssh.example.com']);
    expect(gateway.get('port')).toEqual(['2222']);
    expect(gateway.get('hostkeyalias')).toEqual(['acme.daypass']);
    expect(gateway.get('certificatefile')).toEqual([`~/.ssh/daypass/${PREFIX}-cert.pub`]);
  });

  it('serves the direct form, and leaves other logins and hosts alone', () => {
    const direct = resolved(conf(), 'deploy+web-01@ssh.example.com');
    expect(direct.get('certificatefile')).toEqual([`~/.ssh/daypass/${PREFIX}-cert.pub`]);
    expect(direct.get('port')).toEqual(['2222']);
    for (const other of [
      'root@ssh.example.com',
      'deploy+mail-01@ssh.example.com',
      'mail-01.acme.daypass',
      'github.com',
    ]) {
      expect(resolved(conf(), other).has('certificatefile')).toBe(false);
    }
  });

  it('names every certificate where the person has several keys', () => {
    const web = resolved(conf(files(2)), 'db-01.acme.daypass');
    expect(web.get('certificatefile')).toEqual([
      `~/.ssh/daypass/${PREFIX}-1-cert.pub`,
      `~/.ssh/daypass/${PREFIX}-2-cert.pub`,
    ]);
    expect(web.get('identityfile')).toEqual(['~/.ssh/id_ed25519', '~/.ssh/id_ecdsa']);
  });

  it('holds for fifty targets with the longest names', () => {
    const targets = Array.from({ length: 50 }, (_, n) => ({
      ...targetPin('x'),
      id: TargetId.parse(`${n}`.padEnd(63, 'x')),
    }));
    const many = accessFiles(grant(1, { targets }), [certificate(1)], [key(1)], GATEWAY);
    const last = `${'49'.padEnd(63, 'x')}`;
    expect(resolved(conf(many), `${last}.acme.daypass`).get('user')).toEqual(['deploy']);
    expect(resolved(conf(many), `deploy+${last}@ssh.example.com`).has('certificatefile')).toBe(true);
  });

  it('does not break other hosts, whichever order ssh reads it in', () => {
    const own = 'Host github.com\n  User git\n';
    expect(resolved(`${conf()}\n${own}`, 'github.com').get('user')).toEqual(['git']);
  });
});

describe('the lines that install a grant', () => {
  const install = (lines: readonly string[]) => {
    // The lines say ~; here that is a folder of the test's own.
    const { status, stderr } = spawnSync('sh', ['-ec', lines.join('\n')], {
      env: { HOME: home, PATH: process.env['PATH'] },
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  };
  const download = () => {
    mkdirSync(join(home, 'Downloads'), { recursive: true });
    for (const file of files()) writeFileSync(join(home, 'Downloads', file.name), file.content);
  };

  it('put the files where the ssh_config looks for them, and include it first', () => {
    mkdirSync(join(home, '.ssh'));
    writeFileSync(join(home, '.ssh/config'), 'Host *\n  User me\n');
    download();
    install(installLines(GRANT, []));
    expect(readdirSync(join(home, '.ssh/daypass')).sort()).toEqual(
      files()
        .map((file) => file.name)
        .sort(),
    );
    expect(readFileSync(join(home, '.ssh/config'), 'utf8')).toBe('Include daypass/*.conf\n\nHost *\n  User me\n');
    expect(statSync(join(home, '.ssh/daypass')).mode & 0o777).toBe(0o700);
  });

  it('work on an account that never used ssh, and twice', () => {
    for (let round = 0; round < 2; round += 1) {
      download();
      install(installLines(GRANT, []));
    }
    expect(readFileSync(join(home, '.ssh/config'), 'utf8')).toBe('Include daypass/*.conf\n\n');
  });

  it('remove the files of grants that are over', () => {
    const over = { id: grantId(2).replace('dd000000', 'ee000000') as ReturnType<typeof grantId> };
    mkdirSync(join(home, '.ssh/daypass'), { recursive: true });
    chmodSync(join(home, '.ssh'), 0o700);
    writeFileSync(join(home, '.ssh/daypass/daypass-ee000000.conf'), 'old');
    download();
    install(installLines(GRANT, [over]));
    expect(readdirSync(join(home, '.ssh/daypass'))).not.toContain('daypass-ee000000.conf');
  });
});

it('the gateway’s address stands in known_hosts as ssh looks it up', () => {
  expect(knownHostsLine(GATEWAY)).toBe('[ssh.example.com]:2222 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==');
  expect(knownHostsLine({ ...GATEWAY, port: 22 })).toMatch(/^ssh\.example\.com ssh-ed25519/);
  expect(directCommand('deploy', 'web-01', GATEWAY)).toBe('ssh deploy+web-01@ssh.example.com -p 2222');
});
