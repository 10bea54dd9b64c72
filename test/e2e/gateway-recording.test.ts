import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyUserauth } from '../../src/sshwire/userauth.ts';
import { scp, sftp, ssh, sshClient, sshTerminal, WAYS } from '../support/gateway-client.ts';
import { fingerprintOf, GatewayWorld } from '../support/gateway-world.ts';
import { run, runOk } from '../support/processes.ts';
import { allDead } from '../support/sockets.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** What a player would show: the output events of a cast, put together. */
const shown = (cast: string): string =>
  cast
    .split('\n')
    .slice(1)
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as [number, string, string])
    .filter(([, code]) => code === 'o')
    .map(([, , data]) => data)
    .join('');

describe('a recording', () => {
  let world: GatewayWorld;
  beforeAll(async () => {
    world = await GatewayWorld.start();
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  const last = async () => {
    const id = await world.control.session(world.control.sessions.length - 1);
    await world.control.closing(id);
    return { id, manifest: world.manifest(id), cast: (n = 0) => world.recorded(id, `channel-${n}.cast`) };
  };

  it.each(WAYS)('of a terminal replays with asciinema to what the person saw, by way of %s', async (way) => {
    let seen = '';
    {
      using terminal = sshTerminal(world, ['-tt', way, 'sh'], { columns: 77, rows: 22 });
      await terminal.shows(/[#$>] $/);
      terminal.type("PS1='> '; printf 'h\\303\\251llo \\342\\202\\254 \\360\\237\\230\\200\\n'; stty size\r");
      await terminal.shows(/héllo € 😀[\s\S]*22 77/);
      terminal.resize(60, 20);
      terminal.type('sleep 0.3; stty size\r');
      await terminal.shows(/20 60/);
      terminal.type('exit\r');
      expect(await terminal.exited()).toBe(0);
      // The banner comes before, and ssh itself says the last line when it is done.
      seen = terminal.text.replace(/^daypass: .*[\r\n]+/, '').replace(/Connection to \S+ closed\.\s*$/, '');
    }
    const { id, manifest, cast } = await last();
    expect(shown(cast())).toBe(seen);
    expect(manifest.channels[0]).toMatchObject({ pty: true, content: 'full', stdoutSha256: sha256(seen) });
    expect(JSON.parse(cast().split('\n')[0] ?? '')).toMatchObject({
      ...{ version: 2, width: 77, height: 22 },
      env: { TERM: 'xterm-256color' },
    });
    expect(cast()).toMatch(/,"r","60x20"\]/);
    const file = join(world.folder.path, 'recordings', id, 'channel-0.cast');
    const typescript = join(world.folder.path, `typescript-${way}`);
    await runOk('script', ['-qec', `asciinema cat ${file}`, typescript], { env: { LC_ALL: 'C.UTF-8' } });
    const replayed = await runOk('cat', [typescript]);
    const body = replayed.replace(/^Script started[^\n]*\n/, '').replace(/\n?Script done[^\n]*\n?$/, '');
    // The player's own terminal turns a newline into CR and newline once more.
    expect(body.replace(/\r+\n/g, '\n').trim()).toBe(seen.replace(/\r+\n/g, '\n').trim());
  });

  it('of a command without a terminal holds stdout and stderr, and digests of each', async () => {
    await ssh(world, ['direct', 'echo out; echo err >&2'], { stdin: 'typed' });
    const { manifest, cast } = await last();
    expect(shown(cast()).split('\n').sort()).toEqual(['', 'err', 'out']);
    expect(manifest.channels).toMatchObject([
      { content: 'full', stdoutSha256: sha256('out\n'), stderrSha256: sha256('err\n'), bytesToClient: 8 },
    ]);
  });

  it('of typed input counts it and keeps none of it', async () => {
    await ssh(world, ['direct', 'cat >/dev/null'], { stdin: 'my-password-canary' });
    const { id, manifest, cast } = await last();
    expect(manifest.channels).toMatchObject([{ bytesFromClient: 18, stdinSha256: sha256('my-password-canary') }]);
    expect(cast() + world.recorded(id, 'manifest.json')).not.toMatch(/canary/);
  });

  it('of bytes that are no text says that it is their digest only', async () => {
    await ssh(world, ['direct', 'head -c 100000 /dev/zero']);
    const { manifest, cast } = await last();
    expect(manifest.channels).toMatchObject([{ content: 'digest', bytesToClient: 100_000 }]);
    expect(cast().length).toBeLessThan(500);
  });

  it('of file transfers has size and digest', async () => {
    const there = join(world.folder.path, 'transfers');
    mkdirSync(there);
    writeFileSync(join(there, 'a'), 'a'.repeat(100_000));
    await sftp(world, 'web-01', `get ${there}/a ${there}/b\n`);
    const subsystem = await last();
    expect(subsystem.manifest.channels).toMatchObject([
      { kind: 'subsystem', command: 'sftp', cast: null, content: 'digest', exit: { kind: 'status', code: 0 } },
    ]);
    expect(subsystem.manifest.channels[0]?.bytesToClient).toBeGreaterThan(100_000);
    await scp(world, ['-O', `${there}/a`, `direct:${there}/c`]);
    expect((await last()).manifest.channels).toMatchObject([
      { kind: 'exec', command: expect.stringMatching(/^scp -t/) },
    ]);
  });

  it('names who, what and where, with the opening that the person’s own key has signed', async () => {
    await ssh(world, ['web-01', 'true']);
    const { id, manifest } = await last();
    const [grant] = world.control.grants;
    expect(manifest).toMatchObject({
      ...{ format: 'daypass-recording-1', state: 'closed', session: id, grant: grant?.id, digest: grant?.digest },
      ...{ person: grant?.terms.personId, engagement: grant?.terms.engagementId, login: world.login },
      ...{
        via: 'jump',
        client: '127.0.0.1',
        key: fingerprintOf(world.person),
        ending: { how: 'closed' },
        refusals: [],
      },
      target: { id: 'web-01', name: 'Target web-01', address: world.sshd.address, port: world.sshd.port },
    });
    const { signed, signature } = manifest.opening;
    const proof = verifyUserauth(Buffer.from(signed, 'base64'), Buffer.from(signature, 'base64'));
    expect(proof).toMatchObject({ ok: true, value: { userName: world.login } });
  });

  it('is readable by control alone, and nothing stays in the spool', async () => {
    await ssh(world, ['direct', 'true']);
    const { id } = await last();
    const folder = join(world.folder.path, 'recordings', id);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const file of readdirSync(folder)) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(world.folder.path, 'spool'))).toEqual([]);
  });

  it('keeps a file that lies in its place already, and lets no session begin', async () => {
    const authorize = world.control.authorize.bind(world.control);
    world.control.authorize = async (ask) => {
      const decided = await authorize(ask);
      if (decided.ok && decided.value.kind === 'session')
        mkdirSync(join(world.folder.path, 'spool', decided.value.session.id));
      return decided;
    };
    const { code, stderr } = await ssh(world, ['direct', 'true']);
    world.control.authorize = authorize;
    expect(code).toBe(255);
    expect(stderr).toMatch(/daypass: The recording cannot be begun, and nothing passes unrecorded/);
    const id = await world.control.session(world.control.sessions.length - 1);
    expect(await world.control.endingOf(id)).toEqual({ how: 'failed', why: 'recording_failed' });
  });
});

describe('a recording that cannot be written any more', () => {
  it.each(WAYS)('ends the session within a second and says so, by way of %s', async (way) => {
    await using world = await GatewayWorld.start();
    await using client = sshClient(world, [way, 'read go; exec yes a line of text']);
    const id = await world.control.openedSession(0);
    // No file of this worker may grow beyond 2 MiB.
    await runOk('prlimit', ['--pid', String(world.gateway.workers[0]), '--fsize=2097152']);
    let received = 0;
    client.stdout.on('data', (bytes: Buffer) => {
      received += bytes.length;
    });
    client.child.stdin?.write('go\n');
    await once(client.stdout, 'data');
    expect(await client.exited).toBe(255);
    await allDead([world.sshd.port]);
    expect(client.stderr()).toMatch(/daypass: recording failed \(EFBIG\); session ended/);
    expect(await world.control.endingOf(id)).toEqual({ how: 'failed', why: 'recording_failed' });
    // What was delivered was accepted by the writer, whose backlog is bounded.
    expect(received).toBeLessThan(2 * 1024 * 1024 + 24 * 1024 * 1024);
  });

  it.runIf(process.getuid?.() === 0)('a full disk does the same', async () => {
    await using world = await GatewayWorld.start({ minFreeMiB: 0 });
    const spool = join(world.folder.path, 'spool');
    await runOk('mount', ['-t', 'tmpfs', '-o', 'size=3m,mode=0700', 'tmpfs', spool]);
    try {
      // The worker stands in the folder below the mount: one that starts now stands on it.
      const [before = -1] = world.gateway.workers;
      process.kill(before, 'SIGKILL');
      while (world.gateway.workers.length === 0 || world.gateway.workers[0] === before) await pause(50);
      await using client = sshClient(world, ['web-01', 'exec yes a line of text']);
      client.stdout.resume();
      expect(await client.exited).toBe(255);
      expect(client.stderr()).toMatch(/daypass: recording failed \(ENOSPC\); session ended/);
      const id = await world.control.session(0);
      expect(await world.control.endingOf(id)).toEqual({ how: 'failed', why: 'recording_failed' });
    } finally {
      await run('umount', ['-l', spool]);
    }
  });
});
