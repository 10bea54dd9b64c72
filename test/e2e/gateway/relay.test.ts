import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scp, sftp, sha256Of, ssh, sshClient, sshTerminal, WAYS } from '../../support/peers/gateway-client.ts';
import { makeKeyFile } from '../../support/peers/openssh.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

const LONG = process.env['DAYPASS_LONG'] === '1';
const MIB = 1024 * 1024;
const STDIN_BYTES = (LONG ? 200 : 20) * MIB;
const STDOUT_BYTES = (LONG ? 500 : 50) * MIB;
const TIMES = LONG ? [1, 2, 3] : [1];

let world: GatewayWorld;
beforeAll(async () => {
  world = await GatewayWorld.start();
});
afterAll(() => world?.[Symbol.asyncDispose]());

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe.each(WAYS)('by way of %s', (way) => {
  it.each([0, 3, 255])('a command’s exit code %i arrives', async (code) => {
    expect(await ssh(world, [way, `exit ${code}`])).toMatchObject({ code, stdout: '', stderr: '' });
  });

  it('death by signal arrives as one', async () => {
    const { code, stderr } = await ssh(world, ['-v', way, 'kill -TERM $$']);
    expect(stderr).toMatch(/exit-signal/);
    expect(code).toBe(255);
  });

  it('stderr stays apart from stdout', async () => {
    const outcome = await ssh(world, [way, 'echo out; echo err >&2; echo out again']);
    expect(outcome).toMatchObject({ code: 0, stdout: 'out\nout again\n', stderr: 'err\n' });
  });

  it('a program sees the end of an empty stdin', async () => {
    expect(await ssh(world, ['-n', way, 'cat; echo done'])).toMatchObject({ code: 0, stdout: 'done\n' });
    expect(await ssh(world, [way, 'cat'], { stdin: '' })).toMatchObject({ code: 0, stdout: '' });
  });

  it('output goes on after stdin has ended', async () => {
    const outcome = await ssh(world, [way, 'cat; sleep 0.3; echo later'], { stdin: 'first\n' });
    expect(outcome).toMatchObject({ code: 0, stdout: 'first\nlater\n' });
  });

  it('the end of stdout arrives while the program goes on', async () => {
    const outcome = await ssh(world, [way, 'exec 1>&-; cat >/dev/null; exit 7'], { stdin: 'x'.repeat(100_000) });
    expect(outcome).toMatchObject({ code: 7 });
  });

  it('a program whose output nobody reads any more is told so', async () => {
    await using client = sshClient(world, [way, 'yes']);
    client.stdout.destroy();
    expect(await client.exited).not.toBe(0);
  });

  it.each(TIMES)(`stdin of ${STDIN_BYTES / MIB} MiB arrives byte for byte, round %i`, async () => {
    const bytes = randomBytes(STDIN_BYTES);
    const { stdout } = await ssh(world, [way, 'sha256sum'], { stdin: bytes, timeoutMs: 300_000 });
    expect(stdout).toMatch(sha256(bytes));
  });

  it.each(TIMES)(`stdout of ${STDOUT_BYTES / MIB} MiB arrives byte for byte, round %i`, async () => {
    const make = `seq 1 1000000000 | head -c ${STDOUT_BYTES}`;
    await using sent = sshClient(world, [way, make]);
    const { bytes, sha256: received } = await sha256Of(sent.stdout);
    const { stdout } = await ssh(world, [way, `${make} | sha256sum`], { timeoutMs: 300_000 });
    expect({ bytes, sha: received }).toEqual({ bytes: STDOUT_BYTES, sha: stdout.split(' ')[0] });
    expect(await sent.exited).toBe(0);
  });

  it('a client that asks for new keys all the time loses nothing', async () => {
    const bytes = randomBytes(8 * MIB);
    const { stdout, code } = await ssh(world, ['-o', 'RekeyLimit=1M', way, 'sha256sum'], {
      stdin: bytes,
    });
    expect({ code, sha: stdout.split(' ')[0] }).toEqual({ code: 0, sha: sha256(bytes) });
    await using client = sshClient(world, ['-o', 'RekeyLimit=1M', way, `seq 1 100000000 | head -c ${16 * MIB}`]);
    const received = await sha256Of(client.stdout);
    const made = await ssh(world, [way, `seq 1 100000000 | head -c ${16 * MIB} | sha256sum`]);
    expect(received).toEqual({ bytes: 16 * MIB, sha256: made.stdout.split(' ')[0] });
  });

  it('a reader that pauses gets everything', async () => {
    const size = 16 * MIB;
    await using client = sshClient(world, [way, `head -c ${size} /dev/zero`]);
    let paused = false;
    const { bytes } = await sha256Of(client.stdout, async (total) => {
      if (paused || total < size / 4) return;
      paused = true;
      await pause(2_500);
    });
    expect(bytes).toBe(size);
    expect(await client.exited).toBe(0);
  });

  it.each(['-O', '-s'])('scp %s copies both ways', async (protocol) => {
    const here = join(world.folder.path, `here${way}${protocol}`);
    const there = join(world.folder.path, `there${way}${protocol}`);
    mkdirSync(there);
    writeFileSync(here, randomBytes(3 * MIB));
    expect(await scp(world, [protocol, here, `${way}:${there}/file`])).toMatchObject({ code: 0, stderr: '' });
    expect(await scp(world, [protocol, `${way}:${there}/file`, `${here}.back`])).toMatchObject({ code: 0, stderr: '' });
    expect(sha256(readFileSync(`${here}.back`))).toBe(sha256(readFileSync(here)));
  });

  it('sftp runs a batch', async () => {
    const there = join(world.folder.path, `sftp-${way}`);
    mkdirSync(there);
    writeFileSync(join(there, 'given'), 'given\n');
    const batch = [`cd ${there}`, `get given ${there}/taken`, `put ${there}/given put`, 'mkdir made', 'ls'].join('\n');
    const { code, stdout } = await sftp(world, way, `${batch}\n`);
    expect(code).toBe(0);
    expect(stdout).toMatch(/made/);
    expect(readFileSync(join(there, 'put'), 'utf8')).toBe('given\n');
    expect(readFileSync(join(there, 'taken'), 'utf8')).toBe('given\n');
  });

  it('a shell on a terminal sees its size, and each change of it', async () => {
    using terminal = sshTerminal(world, ['-tt', way, 'sh'], { columns: 91, rows: 31 });
    terminal.type('stty size; echo TERM=$TERM\r');
    await terminal.shows(/31 91[\s\S]*TERM=xterm-256color/);
    terminal.resize(123, 45);
    // The size travels beside the data: asked for until it has arrived.
    for (let asked = 0; asked < 50 && !/45 123/.test(terminal.text); asked += 1) {
      terminal.type('stty size\r');
      await pause(100);
    }
    await terminal.shows(/45 123/);
    terminal.type('exit 5\r');
    expect(await terminal.exited()).toBe(5);
  });

  it('a login shell without a command has a terminal and its modes', async () => {
    using terminal = sshTerminal(world, [way]);
    terminal.type('echo shell $((40 + 2))\r');
    await terminal.shows(/shell 42/);
    // A control character is one only where the terminal's modes came along.
    terminal.type('echo sleeping $((1 + 1)); sleep 60\r');
    await terminal.shows(/sleeping 2/);
    // Shells that are about to start a program can miss one.
    const isBack = (): Promise<boolean> =>
      terminal.shows(/\^C[\s\S]*[#$] $/, 1_000).then(
        () => true,
        () => false,
      );
    do terminal.type('\x03');
    while (!(await isBack()));
    terminal.type('echo after $?\r');
    await terminal.shows(/after 130/);
    terminal.type('exit\r');
    await terminal.exited();
  });

  it('several channels share one connection', async () => {
    const socket = join(world.folder.path, `master-${way}`);
    await using master = sshClient(world, ['-M', '-N', '-S', socket, '-o', 'ControlPersist=no', way]);
    for (let tries = 0; tries < 100; tries += 1) {
      if ((await ssh(world, ['-S', socket, '-O', 'check', way])).code === 0) break;
      await pause(100);
    }
    const outcomes = await Promise.all(
      [1, 2, 3, 4].map((n) => ssh(world, ['-S', socket, '-o', 'ControlMaster=no', way, `echo ${n}; exit ${n}`])),
    );
    expect(outcomes.map(({ code, stdout }) => [code, stdout])).toEqual([1, 2, 3, 4].map((n) => [n, `${n}\n`]));
    master.child.kill();
    await master.exited;
  });
});

describe('keys', () => {
  it.each(['ed25519', 'ecdsa-256', 'ecdsa-384', 'ecdsa-521', 'rsa-3072'])(
    'a certificate of a key of %s opens',
    async (kind) => {
      const key = await makeKeyFile(world.folder.path, kind, `key-${kind}`);
      world.grant('shell', undefined, key);
      const options = ['-o', `IdentityFile=${key.path}`, '-o', `CertificateFile=${key.path}-cert.pub`];
      const jump = `ssh -F ${world.sshConfig} -W %h:%p gateway`;
      expect(await ssh(world, [...options, 'direct', 'echo in'])).toMatchObject({ code: 0, stdout: 'in\n' });
      expect(await ssh(world, [...options, '-o', `ProxyCommand=${jump}`, 'web-01', 'echo in'])).toMatchObject({
        code: 0,
      });
    },
  );
});

describe('ciphers', () => {
  const chacha = ['-o', 'Ciphers=chacha20-poly1305@openssh.com'];

  it('are those that are configured: by default a client that insists on chacha20 finds none', async () => {
    const { code, stderr } = await ssh(world, [...chacha, 'direct', 'true']);
    expect({ code, stderr }).toMatchObject({ code: 255, stderr: expect.stringContaining('no matching cipher found') });
  });

  it.each(WAYS)('may include it, by way of %s', async (way) => {
    await using other = await GatewayWorld.start({
      ciphers: ['aes128-gcm@openssh.com', 'chacha20-poly1305@openssh.com'],
    });
    expect(await ssh(other, [...chacha, way, 'cat'], { stdin: 'abc' })).toMatchObject({ code: 0, stdout: 'abc' });
  });
});

describe('what control is told', () => {
  it('each session is reported with its channels, bytes, digests and exit', async () => {
    const before = world.control.sessions.length;
    await ssh(world, ['direct', 'cat; echo err >&2; exit 4'], { stdin: 'abc' });
    const id = await world.control.session(before);
    const { report } = await world.control.closing(id);
    expect(report).toMatchObject({
      ending: { how: 'closed' },
      refusals: [],
      channels: [
        {
          ...{ id: 0, kind: 'exec', command: 'cat; echo err >&2; exit 4', pty: false },
          ...{ bytesFromClient: 3, bytesToClient: 7, exit: { kind: 'status', code: 4 } },
          ...{ coverage: 'full', label: 'command', files: null, destination: null },
          stdinSha256: sha256(Buffer.from('abc')),
          stdoutSha256: sha256(Buffer.from('abc')),
          stderrSha256: sha256(Buffer.from('err\n')),
        },
      ],
    });
  });
});
