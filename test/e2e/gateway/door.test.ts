import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pino from 'pino';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { downstreamCertificate } from '../../../src/access/certificate.ts';
import { FRAME } from '../../../src/recording/format/format.ts';
import { balancer } from '../../support/peers/balancer.ts';
import { ssh } from '../../support/peers/gateway-client.ts';
import { makeKeyFile } from '../../support/peers/openssh.ts';
import { run } from '../../support/peers/processes.ts';
import { slowTypist } from '../../support/peers/slow-typist.ts';
import { Strangers } from '../../support/peers/strangers.ts';
import { fingerprintOf, GatewayWorld } from '../../support/worlds/gateway-world.ts';
import { linesOf } from '../../support/worlds/recorded.ts';

type Line = { readonly msg: string; readonly client?: string; readonly why?: string; readonly count?: number };

const lines: Line[] = [];
const log = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line) as Line) });
const turnedAway = (): Line[] => lines.filter(({ msg }) => msg === 'connections were turned away before login');
let world: GatewayWorld;
const BALANCER = '127.0.0.2';

beforeAll(async () => {
  const door = { beforeKex: { start: 32, rate: 30, full: 40 }, perAddress: 40 };
  const listen = { host: '127.0.0.1', port: 0, door, balancers: BALANCER };
  world = await GatewayWorld.start({ workers: 2, listen, log, sshd: { extraConfig: 'MaxStartups 200' } });
});
afterAll(() => world?.[Symbol.asyncDispose]());

const dial = (localAddress: string): Socket => {
  const socket = connect({ port: world.gateway.port, host: '127.0.0.1', localAddress });
  return socket.on('error', () => {});
};
/** What it is told until it is cut off. */
const toldTo = async (socket: Socket): Promise<string> => {
  let told = '';
  socket.on('data', (bytes: Buffer) => {
    told += bytes.toString('latin1');
  });
  await new Promise((resolve) => socket.once('close', resolve));
  return told;
};

describe('before anybody is known', () => {
  it('who types a passphrase gets in while a flood of silent peers loses its places, and is told so', async () => {
    const type = await slowTypist(world, 3);
    const flood: Socket[] = [];
    const told: string[] = [];
    const timer = setInterval(() => {
      const n = flood.length;
      const socket = dial(`127.0.${1 + (n % 20)}.1`);
      flood.push(socket);
      toldTo(socket).then((words) => told.push(words));
    }, 10);
    const logins = await Promise.all(
      ['127.0.0.8', '127.0.0.9', '127.0.0.10'].map((from) => type(['-b', from, 'direct', 'echo in'])),
    );
    clearInterval(timer);
    expect(logins.map(({ stdout }) => stdout)).toEqual(['in\n', 'in\n', 'in\n']);
    const held = flood.filter((socket) => !socket.closed).length;
    for (const socket of flood) socket.destroy();
    expect(flood.length).toBeGreaterThan(60);
    expect(held).toBeLessThanOrEqual(50);
    expect(told.filter((words) => words.includes('Too many connections are waiting to log in')).length).toBeGreaterThan(
      10,
    );
  });

  it('30 logins at once from one address get in', async () => {
    const all = await Promise.all(Array.from({ length: 30 }, () => ssh(world, ['gateway', 'list'])));
    expect(all.filter(({ code }) => code !== 0)).toEqual([]);
  });

  it.each([
    ['127.0.0.5', true],
    ['127.0.0.1', false],
  ])('through a jump from 127.0.0.5 a certificate for %s lets in: %s', async (allowed, isIn) => {
    const [grant] = world.control.grants;
    if (!grant) throw new Error('nothing is granted');
    const { certificate } = world.control.authority.issueDownstream(world.person.line, {
      ...downstreamCertificate(grant),
      criticalOptions: { 'source-address': allowed },
    });
    const file = `${world.sshConfig}-${allowed}`;
    const own = `${file}-cert.pub`;
    writeFileSync(own, `${certificate}\n`);
    // To the gateway itself by the key alone: only what is inside the jump shows the certificate.
    const config = readFileSync(world.sshConfig, 'utf8')
      .replaceAll(`CertificateFile ${world.person.path}-cert.pub`, `CertificateFile ${own}`)
      .replace('Host gateway\n', 'Host gateway\n  BindAddress 127.0.0.5\n  CertificateFile none\n');
    writeFileSync(file, config);
    const { code, stderr } = await ssh({ sshConfig: file }, ['web-01', 'true']);
    expect(code === 0).toBe(isIn);
    if (!isIn) expect(stderr).toContain('certificate');
  });
});

describe('whom strangers shall not keep out', () => {
  const DAYPASS = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'BatchMode=yes'];

  it('a login with a plain key gets in while strangers offer keys that nobody registered', async () => {
    const { folder, gateway, control } = world;
    const mine = await makeKeyFile(folder.path, 'ed25519', 'plain');
    control.register({ fingerprint: fingerprintOf(mine), publicKey: mine.line });
    const theirs = Array.from({ length: 19 }, () => ssh2.utils.generateKeyPairSync('ed25519').private);
    const at = { host: gateway.address, port: gateway.port };
    using strangers = new Strangers(at);
    let answers = 0;
    await new Promise<void>((resolve) => {
      const answered = (): void => {
        answers += 1;
        if (answers === 500) resolve();
      };
      for (let n = 0; n < 15; n += 1) strangers.offer('daypass', theirs, answered);
    });
    const own = ['-F', '/dev/null', '-b', '127.0.0.11', '-i', mine.path, '-o', 'IdentityAgent=none', ...DAYPASS];
    for (let n = 0; n < 6; n += 1) {
      const { code, stdout } = await run('ssh', [...own, '-p', `${at.port}`, `daypass@${at.host}`, 'list']);
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^GRANT/) });
    }
  });

  it('who registers a key with a passphrase keeps the place while strangers exchange keys', async () => {
    const door = { afterKex: { start: 10, rate: 100, full: 20 } };
    await using narrow = await GatewayWorld.start({ isGranted: false, listen: { host: '127.0.0.1', port: 0, door } });
    const type = await slowTypist(narrow, 7);
    using strangers = new Strangers({ host: narrow.gateway.address, port: narrow.gateway.port });
    const typing = type(['-b', '127.0.0.12', '-l', `register-${await narrow.control.newCode()}`, 'gateway']);
    while (!existsSync(join(narrow.folder.path, 'typed.asked'))) await pause(20);
    const timer = setInterval(() => strangers.hold(), 40);
    const { code, stdout } = await typing;
    clearInterval(timer);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('Your key is registered') });
    expect(narrow.control.registered).toHaveLength(1);
    expect(strangers.begun - strangers.held).toBeGreaterThan(50);
  });
});

describe('behind a balancer that speaks the PROXY protocol', () => {
  const V2 = Buffer.from('0d0a0d0a000d0a515549540a21110010c0000208c6336401dc04001604000100', 'hex');

  it.each<[string, (string | Buffer)[], string]>([
    ['version 1', ['PROXY TCP4 203.0.113.7 198.51.100.1 56324 22\r\n'], '203.0.113.7'],
    ['version 1, a byte at a time', [...'PROXY TCP6 2001:db8::7 2001:db8::1 56324 22\r\n'], '2001:db8::7'],
    ['version 2 with an extension', [V2.subarray(0, 20), V2.subarray(20)], '192.0.2.8'],
    ['UNKNOWN', ['PROXY UNKNOWN\r\n'], BALANCER],
  ])('a login by %s is one of the address that it names', async (_name, pieces, expected) => {
    await using front = await balancer(world.gateway.port, pieces);
    const next = world.control.sessions.length;
    const { stdout, stderr } = await ssh(world, ['-p', String(front.port), 'direct', 'echo in']);
    expect({ stdout, stderr }).toEqual({ stdout: 'in\n', stderr: '' });
    const id = await world.control.session(next);
    await world.control.closing(id);
    const [begun] = linesOf(await world.read(id), FRAME.journal);
    expect(begun).toMatchObject({ what: 'session', client: expected });
  });

  it.each([
    ['begins without a header', 'SSH-2.0-x\r\n', 'sent no PROXY protocol header'],
    ['begins with a wrong one', 'PROXY TCP4 203.0.113.7\r\nSSH-2.0-x\r\n', 'sent an invalid PROXY protocol header'],
    ['says nothing for five seconds', '', 'sent no PROXY protocol header'],
  ])('a connection from there that %s is refused', async (_name, words, why) => {
    const socket = dial(BALANCER);
    socket.write(words);
    expect(await toldTo(socket)).toContain(why);
  });

  it.each([
    ['whole', ['PROXY TCP4 203.0.113.7 198.51.100.1 56324 22\r\nSSH-2.0-x\r\n']],
    ['in pieces', ['PRO', 'XY TCP4 203.0.113.7 198.51.100.1 56324 22\r\n', 'SSH-2.0-x\r\n']],
  ])('from anybody else a header is refused, %s', async (_name, pieces) => {
    const socket = dial('127.0.0.3');
    const told = toldTo(socket);
    for (const piece of pieces) {
      socket.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(await told).not.toContain('curve25519');
  });
});

describe('the log', () => {
  it('says who was turned away, and why', async () => {
    await world.gateway[Symbol.asyncDispose]();
    const reasons = turnedAway().map(({ client, why }) => `${why} ${client}`);
    expect(reasons).toEqual(
      expect.arrayContaining([
        `proxy_header_missing ${BALANCER}`,
        `proxy_header_invalid ${BALANCER}`,
        'proxy_header_unexpected 127.0.0.3',
      ]),
    );
    const flooded = turnedAway().filter(({ why }) => why === 'pool_full');
    expect(flooded.length).toBeGreaterThan(5);
    expect(flooded.every(({ client, count }) => /^127\.0\.\d+\.1$/.test(client ?? '') && (count ?? 0) > 0)).toBe(true);
  });
});
