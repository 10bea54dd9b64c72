import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Grant } from '../../../src/access/grant.ts';
import { internalsOf, sendPayload, tapMessages } from '../../../src/gateway/ssh/ssh2-internals.ts';
import { presentCertificate } from '../../../src/gateway/upstream/present-certificate.ts';
import { encode, string, uint8 } from '../../../src/sshwire/bytes.ts';
import type { ConnectionRejection } from '../../../src/use-cases/sessions/gateway-control.ts';
import { ssh, WAYS } from '../../support/peers/gateway-client.ts';
import { makeKeyFile } from '../../support/peers/openssh.ts';
import { run } from '../../support/peers/processes.ts';
import { makeKey } from '../../support/peers/raw-client.ts';
import { NOON, personId } from '../../support/samples/samples.ts';
import { fingerprintOf, GatewayWorld } from '../../support/worlds/gateway-world.ts';

describe('a refused person reads why', () => {
  let world: GatewayWorld;
  let granted: readonly Grant[];
  beforeAll(async () => {
    world = await GatewayWorld.start();
    granted = [...world.control.grants];
  });
  beforeEach(() => {
    world.control.grants.splice(0, world.control.grants.length, ...granted);
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  const change = (how: Partial<Omit<Grant, 'terms'>> & { terms?: Partial<Grant['terms']> }): void => {
    const { terms, ...rest } = how;
    const changed = granted.map((grant) =>
      world.control.sealed({ ...grant, ...rest, terms: { ...grant.terms, ...terms } }),
    );
    world.control.grants.splice(0, world.control.grants.length, ...changed);
  };

  const cases: readonly (readonly [string, () => void, RegExp])[] = [
    ['without any grant', () => world.control.grants.splice(0), /daypass: You have no access at the moment/],
    [
      'with an expired grant',
      () => change({ terms: { notAfter: new Date(Date.now() - 60_000).toISOString() } }),
      /daypass: Your access expired at 20/,
    ],
    [
      'with a revoked grant',
      () => change({ end: { how: 'revoked', at: new Date(), by: personId(2), comment: null } }),
      /daypass: Your access was ended at 20/,
    ],
    [
      'with a grant for another target',
      () =>
        change({
          terms: { targets: granted[0]?.terms.targets.map((pin) => ({ ...pin, id: 'db-01' as never })) ?? [] },
        }),
      /daypass: Your access does not cover web-01\. It covers: db-01/,
    ],
    [
      'with a grant for another login',
      () => change({ terms: { login: 'deploy' as never } }),
      /daypass: Your access does not cover the login \S+\. It covers: deploy/,
    ],
    [
      'with a target that moved since',
      () =>
        change({
          terms: { targets: granted[0]?.terms.targets.map((pin) => ({ ...pin, address: '192.0.2.1' })) ?? [] },
        }),
      /daypass: The address or host keys of web-01 changed/,
    ],
    [
      'with a key that is newer than the grant',
      () => change({ terms: { keyFingerprints: ['SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' as never] } }),
      /daypass: The key SHA256:\S+ is newer than this access/,
    ],
  ];

  describe.each(WAYS)('by way of %s', (way) => {
    it.each(cases)('%s', async (_name, prepare, sentence) => {
      prepare();
      const { code, stderr, stdout } = await ssh(world, [way, 'echo in']);
      expect({ code, stdout }).toEqual({ code: 255, stdout: '' });
      expect(stderr).toMatch(sentence);
      // Who has no access at all is let in as far as the gateway itself, and reads it where the way to the target would open.
      expect(stderr.match(/^(?:channel \d+: open failed: administratively prohibited: )?daypass: /gm)).toHaveLength(1);
    });
  });

  it('who names a target that is none reads it, directly and through the jump', async () => {
    const direct = await ssh(world, ['-l', `${world.login}+nowhere`, 'direct', 'true']);
    expect(direct.stderr).toMatch(/daypass: No target is called "nowhere"\. Yours are: web-01/);
    const jump = await ssh(world, ['unknown-host', 'true']);
    expect(jump.stderr).toMatch(/administratively prohibited: daypass: No target is called "unknown-host"/);
  });

  it('a login name that is none is said before anything is signed', async () => {
    const { stderr } = await ssh(world, ['-l', 'somebody', 'direct', 'true']);
    expect(stderr).toMatch(/daypass: "somebody" is not a login here/);
    expect(world.control.sessions).toEqual([]);
  });

  it('a plain key alone opens nothing, and the person is told what is missing', async () => {
    const { path } = await makeKeyFile(world.folder.path, 'ed25519', 'plain');
    const { code, stderr } = await ssh(world, ['-v', ...onlyKey(path), 'gateway', 'true']);
    expect(code).toBe(255);
    expect(stderr).toMatch(/daypass: Your client sent no certificate from this gateway/);
    expect(stderr).not.toMatch(/Server accepts key/);
  });

  it('an expired certificate is named as such', async () => {
    const key = await makeKeyFile(world.folder.path, 'ed25519', 'late');
    world.grant('shell', 1, key);
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    const certificate = ['-o', `CertificateFile=${key.path}-cert.pub`];
    const { stderr, code } = await ssh(world, [...onlyKey(key.path), ...certificate, 'gateway', 'true']);
    expect(code).toBe(255);
    expect(stderr).toMatch(/daypass: Your certificate expired at 20/);
  });

  /** Not by the configuration file, whose identities would be tried as well. */
  const onlyKey = (path: string, user?: string): string[] => [
    ...['-F', 'none', '-o', 'IdentitiesOnly=yes', '-o', 'IdentityAgent=none', ...gatewayOptions(user), '-i', path],
  ];
  const gatewayOptions = (user = `${world.login}+web-01`): string[] => [
    ...['-p', String(world.gateway.port), '-o', `HostName=${world.gateway.address}`, '-l', user],
    ...['-o', 'HostKeyAlias=daypass-gateway', '-o', `UserKnownHostsFile=${join(world.folder.path, 'known_hosts')}`],
  ];

  /** On a terminal, where ssh would ask for a password if it were let. */
  const onTerminal = (args: readonly string[]) =>
    run('script', ['-qec', ['ssh', ...args].map((word) => `'${word}'`).join(' '), '/dev/null'], { timeoutMs: 20_000 });

  it.each([
    ['a login name that is none', 'somebody', /"somebody" is not a login here\. Use ssh <login>\+<target>@\S+ -p \d+,/],
    ['no certificate', undefined, /Your client sent no certificate from this gateway/],
    ['an unknown code', 'register-zzzz-zzzz', /That registration code is unknown/],
  ])('with %s a terminal shows the sentence and then the end, and no prompt', async (name, user, sentence) => {
    const { path } = await makeKeyFile(world.folder.path, 'ed25519', `terminal-${name.replaceAll(' ', '-')}`);
    const { code, stdout } = await onTerminal([...onlyKey(path, user), 'gateway', 'true']);
    expect(code).toBe(255);
    expect(stdout).toMatch(sentence);
    expect(stdout).toMatch(/Received disconnect from \S+ port \d+:14: daypass: /);
    expect(stdout).not.toMatch(/password|Permission denied/i);
  });

  const refusals: readonly (readonly [ConnectionRejection, RegExp])[] = [
    [{ code: 'person_unconfirmed', since: NOON }, /Slack last confirmed your account at 2030-05-02/],
    [{ code: 'person_unseen', since: NOON }, /Slack has not shown your account since 2030-05-02/],
    [{ code: 'grants_suspended' }, /All access is paused/],
    [{ code: 'record_tampered', what: 'key', id: 'x' }, /was changed outside Daypass/],
    [{ code: 'channel_unread', engagement: 'Migration', since: NOON }, /who is in the channel of "Migration"/],
  ];
  it.each(refusals.map(([rejection, words]) => [rejection.code, rejection, words] as const))(
    '%s of one key is told, and not what an older one was refused with before',
    async (name, rejection, words) => {
      const old = await makeKeyFile(world.folder.path, 'ed25519', `old-${name}`);
      world.grant('shell', -5, old);
      const authorize = world.control.authorize.bind(world.control);
      world.control.authorize = async () => ({ ok: false, rejection });
      try {
        const keys = [...onlyKey(old.path), '-i', world.person.path];
        const { stderr, code } = await ssh(world, ['-v', ...keys, 'gateway', 'true']);
        expect(code).toBe(255);
        expect(stderr).toMatch(/daypass: Your certificate expired at 20/);
        expect(stderr).toMatch(new RegExp(`Received disconnect from .*daypass: .*${words.source}`));
      } finally {
        world.control.authorize = authorize;
      }
    },
  );

  it('of several keys and certificates in an agent the one that fits is found, and otherwise the nearest is told', async () => {
    const folder = world.folder.path;
    const late = await makeKeyFile(folder, 'ed25519', 'agent-late');
    world.grant('shell', undefined, late);
    const [grant] = world.control.grants.splice(-1);
    const strangers = await Promise.all([1, 2].map((n) => makeKeyFile(folder, 'ecdsa-256', `agent-${n}`)));
    const agent = (...keys: readonly string[]) => {
      const command = ['ssh', ...['-F', 'none', '-o', 'BatchMode=yes'], ...gatewayOptions(), 'gateway', 'echo in'];
      const line = `ssh-add -q ${keys.join(' ')} && ${command.map((word) => `'${word}'`).join(' ')}`;
      return run('ssh-agent', ['sh', '-c', line], { timeoutMs: 20_000 });
    };
    const all = [late.path, ...strangers.map(({ path }) => path)];
    expect(grant?.terms.keyFingerprints).toEqual([fingerprintOf(late)]);
    // Its certificate is good and its grant is not there: control refuses it, and the next one gets in.
    const found = await agent(...all, world.person.path);
    expect(found).toMatchObject({ code: 0, stdout: 'in\n' });
    const refused = await agent(...all);
    expect(refused.code).toBe(255);
    expect(refused.stderr).toMatch(/^daypass: The key SHA256:\S+ is newer than this access/m);
  });

  it('who has only a key of a kind that is not taken reads which are', async () => {
    const code = await world.control.newCode();
    const client = new ssh2.Client();
    const said: string[] = [];
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
    client.on('error', (error) => said.push(error.message));
    const ask = (method: string, ...more: readonly Uint8Array[]) =>
      encode(uint8(50), ...[`register-${code}`, 'ssh-connection', method].map((each) => string(each)), ...more);
    const blob = encode(string('ssh-mldsa44-ed25519'), string(new Uint8Array(32)));
    const tries = [
      ask('publickey', uint8(0), string('ssh-mldsa44-ed25519'), string(blob)),
      ask('keyboard-interactive', string(''), string('')),
    ];
    const { address: host, port } = world.gateway;
    client.connect({ host, port, username: 'x', authHandler: () => undefined as never });
    tapMessages(internalsOf(client)._protocol, ([number]) => {
      const next = number === 6 || number === 51 ? tries.shift() : undefined;
      if (next) setImmediate(() => sendPayload(internalsOf(client)._protocol, next));
      return number === 51;
    });
    await closed;
    expect(said.join(' ')).toMatch(
      /daypass: Keys of type ssh-mldsa44-ed25519 are not accepted\. Use ed25519, ECDSA, or RSA of 3072 bits or more/,
    );
    await expect
      .poll(() => world.control.refusals)
      .toContainEqual({ address: '127.0.0.1', reason: 'key_kind_not_taken', fingerprint: null });
  });

  it('a signature by a key that nobody registered is refused, and control is not asked', async () => {
    const { privateKey, line, print } = makeKey();
    const asked = world.control.rejections.length;
    const client = new ssh2.Client();
    let said = '';
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
    client.on('error', () => {});
    client.on('banner', (words) => {
      said += words;
    });
    const { address: host, port } = world.gateway;
    client.connect({ host, port, username: 'daypass', authHandler: ['none'] });
    presentCertificate(client, { certificate: line, privateKey });
    await closed;
    expect(said).toContain(`daypass: The key ${print} is not registered.`);
    await expect
      .poll(() => world.control.refusals)
      .toContainEqual({ address: '127.0.0.1', reason: 'unknown_key', fingerprint: print });
    expect(world.control.rejections).toHaveLength(asked);
  });

  it('more keys than are tried end with a word', async () => {
    const folder = world.folder.path;
    const keys = await Promise.all(Array.from({ length: 21 }, (_, n) => makeKeyFile(folder, 'ed25519', `many-${n}`)));
    const command = ['ssh', ...['-F', 'none', '-o', 'BatchMode=yes'], ...gatewayOptions(), 'gateway', 'true'];
    const line = `ssh-add -q ${keys.map(({ path }) => path).join(' ')} && ${command.map((word) => `'${word}'`).join(' ')}`;
    const { code, stderr } = await run('ssh-agent', ['sh', '-c', line], { timeoutMs: 20_000 });
    expect(code).toBe(255);
    expect(stderr).toMatch(/^daypass: Your client offered more than 20 keys, and none of the first 20 works\./m);
  });

  it('a certificate of another CA is not even tried', async () => {
    const folder = world.folder.path;
    const ca = await makeKeyFile(folder, 'ed25519', 'other-ca');
    const key = await makeKeyFile(folder, 'ed25519', 'foreign');
    await run('ssh-keygen', ['-q', '-s', ca.path, '-I', 'x', '-n', world.login, `${key.path}.pub`]);
    const { code, stderr } = await run('ssh', [
      ...['-F', 'none', '-v', '-o', 'BatchMode=yes', '-o', 'IdentitiesOnly=yes', '-o', 'IdentityAgent=none'],
      ...gatewayOptions(),
      ...['-i', key.path, '-o', `CertificateFile=${key.path}-cert.pub`, 'gateway', 'true'],
    ]);
    expect(code).toBe(255);
    expect(stderr).not.toMatch(/Server accepts key/);
  });
});

describe('a disk that is nearly full', () => {
  it('lets no session begin, and says so', async () => {
    await using world = await GatewayWorld.start({ minFreeMiB: 1_000_000_000 });
    for (const way of WAYS) {
      const { code, stderr } = await ssh(world, [way, 'true']);
      expect(code).toBe(255);
      expect(stderr).toMatch(/daypass: Sessions are recorded, and the recording disk has only \d+ MiB left/);
    }
    expect(world.control.sessions).toEqual([]);
  });
});
