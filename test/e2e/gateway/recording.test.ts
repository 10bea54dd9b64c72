import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SessionId } from '../../../src/access/ids.ts';
import { FRAME } from '../../../src/recording/format/format.ts';
import { exportRecording } from '../../../src/recording/read/export.ts';
import { openKey } from '../../../src/recording/read/read.ts';
import { verifyUserauth } from '../../../src/sshwire/userauth.ts';
import { scp, sftp, ssh, sshTerminal, WAYS } from '../../support/peers/gateway-client.ts';
import { runOk } from '../../support/peers/processes.ts';
import { scope } from '../../support/samples/samples.ts';
import { fingerprintOf, GatewayWorld } from '../../support/worlds/gateway-world.ts';
import { reader } from '../../support/worlds/reader.ts';
import { bytesOf, linesOf } from '../../support/worlds/recorded.ts';

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
    const read = await world.read(id);
    return {
      ...{ id, manifest: world.manifest(id), read },
      text: (type: number, channel = 0) => bytesOf(read, channel, type).toString(),
      journal: linesOf(read, FRAME.journal),
      files: linesOf(read, FRAME.file),
    };
  };

  const castOf = async (id: SessionId): Promise<string> => {
    const folder = world.recordingOf(id);
    const out = join(world.folder.path, `export-${id}`);
    await exportRecording(folder, await openKey(folder, [reader.identity]), { out, format: 'cast', channel: null });
    return join(out, 'channel-0.cast');
  };

  it('has what a client set, at a terminal as without one', async () => {
    const set = ['-o', "SetEnv=LC_DO='echo seen by nobody'", 'direct'];
    const environment = async () => (await last()).journal.find(({ what }) => what === 'channel')?.['environment'];
    await ssh(world, [...set, 'sh -c "$LC_DO"']);
    expect(await environment()).toContainEqual({ name: 'LC_DO', value: 'echo seen by nobody' });
    await ssh(world, ['-tt', ...set, 'true']);
    expect(await environment()).toContainEqual({ name: 'LC_DO', value: 'echo seen by nobody' });
    await ssh(world, ['-o', `SetEnv=A=${'x'.repeat(20_000)} B=${'y'.repeat(20_000)} C=z`, 'direct', 'true']);
    expect(await environment()).toEqual([expect.objectContaining({ name: 'A' }), { name: 'C', value: 'z' }]);
  });

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
    const { id, manifest, text } = await last();
    expect(text(FRAME.stdout)).toBe(seen);
    expect(text(FRAME.input)).toBe('');
    expect(manifest.channels[0]).toMatchObject({ pty: true, coverage: 'full', stdoutSha256: sha256(seen) });
    const file = await castOf(id);
    const cast = readFileSync(file, 'utf8');
    expect(shown(cast)).toBe(seen);
    expect(JSON.parse(cast.split('\n')[0] ?? '')).toMatchObject({
      ...{ version: 2, width: 77, height: 22 },
      env: { TERM: 'xterm-256color' },
    });
    expect(cast).toMatch(/,"r","60x20"\]/);
    const typescript = join(world.folder.path, `typescript-${way}`);
    await runOk('script', ['-qec', `asciinema cat ${file}`, typescript], { env: { LC_ALL: 'C.UTF-8' } });
    const replayed = await runOk('cat', [typescript]);
    const body = replayed.replace(/^Script started[^\n]*\n/, '').replace(/\n?Script done[^\n]*\n?$/, '');
    // The player's own terminal turns a newline into CR and newline once more.
    expect(body.replace(/\r+\n/g, '\n').trim()).toBe(seen.replace(/\r+\n/g, '\n').trim());
  });

  it('of a command without a terminal holds stdin, stdout and stderr, and digests of each', async () => {
    await ssh(world, ['direct', 'cat; echo err >&2'], { stdin: 'typed' });
    const { manifest, text } = await last();
    expect([FRAME.input, FRAME.stdout, FRAME.stderr].map((type) => text(type))).toEqual(['typed', 'typed', 'err\n']);
    expect(manifest.channels).toMatchObject([
      {
        ...{ coverage: 'full', label: 'command', bytesToClient: 9, bytesFromClient: 5 },
        ...{ stdoutSha256: sha256('typed'), stderrSha256: sha256('err\n'), stdinSha256: sha256('typed') },
      },
    ]);
  });

  it('has what is typed at a terminal where the scope says so, and no password', async () => {
    const typed = { ...scope('shell'), record_input: true };
    await using typing = await GatewayWorld.start({ scope: typed });
    {
      using terminal = sshTerminal(typing, ['-tt', 'direct', 'sh']);
      await terminal.shows(/[#$>] $/);
      terminal.type("PS1='> '; echo visible-canary\r");
      await terminal.shows(/\nvisible-canary[\s\S]*> $/);
      terminal.type('stty -echo; printf "Password: "; read secret; stty echo; echo done\r');
      await terminal.shows(/\nPassword: $/);
      terminal.type('hunter2-canary\r');
      await terminal.shows(/done\r\n> $/);
      terminal.type('exit\r');
      await terminal.exited();
    }
    const id = await typing.control.session(0);
    await typing.control.closing(id);
    const read = await typing.read(id);
    expect(bytesOf(read, 0, FRAME.input).toString()).toMatch(/echo visible-canary\r/);
    expect(bytesOf(read, 0, FRAME.input).toString()).not.toMatch(/hunter2/);
    expect(linesOf(read, FRAME.journal)).toContainEqual(expect.objectContaining({ what: 'withheld' }));
  });

  it('of a shell that calls itself a transfer, and says a NUL first, holds every byte of both directions', async () => {
    const fake = join(world.folder.path, 'scp');
    writeFileSync(fake, '#!/bin/sh\nprintf "\\0"; exec sh\n', { mode: 0o755 });
    const typed = 'C0644 1000000 x\nid -u\nprintf "\\0"; echo over\n';
    for (const line of [`${fake} -t /tmp/x`, `bash -c 'exec -a scp sh' -f`]) {
      const { stdout } = await ssh(world, ['direct', line], { stdin: typed });
      const { manifest, text } = await last();
      expect(text(FRAME.input)).toBe(typed);
      expect(text(FRAME.stdout)).toBe(stdout);
      expect(stdout).toMatch(/\d\n\0over\n$/);
      expect(manifest.channels).toMatchObject([{ coverage: 'full', label: expect.stringMatching(/command$/) }]);
    }
  });

  it('of more binary data than is kept holds the beginning, the end, and what was said before and after', async () => {
    const make = 'echo before; head -c 12000000 /dev/urandom; sleep 0.2; echo after';
    const { stdout } = await ssh(world, ['direct', make]);
    const { manifest, text, journal } = await last();
    expect(stdout).toMatch(/^before\n/);
    expect(manifest.channels).toMatchObject([{ coverage: 'metadata', label: 'command', bytesToClient: 12_000_013 }]);
    const shown = text(FRAME.stdout);
    expect([shown.slice(0, 7), shown.slice(-6)]).toEqual(['before\n', 'after\n']);
    const gap = journal.find(({ what }) => what === 'gap');
    expect(gap).toMatchObject({ stream: 'stdout', bytes: expect.any(Number), sha256: expect.any(String) });
    expect(Number(gap?.['bytes'])).toBeGreaterThan(7_000_000);
  });

  it('under a scope that lets nothing be left out ends such a channel, and holds all that passed', async () => {
    const whole = { ...scope('shell'), opaque: 'refused' as const };
    await using strict = await GatewayWorld.start({ scope: whole });
    const outcome = await ssh(strict, ['direct', 'head -c 300000000 /dev/urandom | tee /dev/null; sleep 30']);
    expect(outcome.code).toBe(255);
    expect(outcome.stderr).toMatch(/^daypass: this access is recorded in full, .*sftp or scp\.$/m);
    const id = await strict.control.session(0);
    const { report } = await strict.control.closing(id);
    const [channel] = report.channels;
    expect(channel).toMatchObject({ coverage: 'full', label: 'command' });
    const read = await strict.read(id);
    const kept = bytesOf(read, 0, FRAME.stdout).length + bytesOf(read, 0, FRAME.stderr).length;
    expect(kept).toBe(channel?.bytesToClient);
    expect(report.refusals).toEqual([expect.stringMatching(/more binary data than a recording keeps/)]);
    // What is text is recorded whole, however much it is.
    expect(await ssh(strict, ['direct', 'seq 1 1000000 | tail -n 1'])).toMatchObject({ code: 0, stdout: '1000000\n' });
  });

  it('of file transfers has what was done to which file, and none of the content', async () => {
    const there = join(world.folder.path, 'transfers');
    mkdirSync(there);
    writeFileSync(join(there, 'a'), 'canary '.repeat(20_000));
    await sftp(world, 'web-01', `get ${there}/a ${there}/b\n`);
    const subsystem = await last();
    expect(subsystem.manifest.channels).toMatchObject([
      { kind: 'subsystem', label: 'sftp', files: { read: 1, hashed: 1 }, exit: { kind: 'status', code: 0 } },
    ]);
    expect(subsystem.files).toContainEqual(
      expect.objectContaining({ path: `${there}/a`, readSha256: sha256('canary '.repeat(20_000)) }),
    );
    expect(subsystem.read.frames.filter(({ payload }) => payload.includes('canary canary'))).toEqual([]);
    await scp(world, ['-O', `${there}/a`, `direct:${there}/c`]);
    expect((await last()).manifest.channels).toMatchObject([{ kind: 'exec', label: 'scp', files: { written: 1 } }]);
  });

  it('names who, what and where, with the opening that the person’s own key has signed', async () => {
    await ssh(world, ['web-01', 'true command-canary']);
    const { id, manifest, journal } = await last();
    const [grant] = world.control.grants;
    expect(manifest).toMatchObject({
      ...{ format: 'daypass-recording-2', state: 'closed', session: id, grant: grant?.id, digest: grant?.digest },
      ...{ person: grant?.terms.personId, engagement: grant?.terms.engagementId, login: world.login },
      ...{ via: 'jump', key: fingerprintOf(world.person), ending: { how: 'closed' }, refusals: 0 },
      target: { id: 'web-01', name: 'Target web-01', address: world.sshd.address, port: world.sshd.port },
    });
    expect(journal[0]).toMatchObject({ what: 'session', client: '127.0.0.1', login: world.login });
    expect(journal[1]).toMatchObject({ what: 'channel', kind: 'exec', command: 'true command-canary', terminal: null });
    expect(journal[2]).toMatchObject({ what: 'end', exit: { kind: 'status', code: 0 } });
    expect(world.recorded(id, 'manifest.json')).not.toMatch(/canary|client/);
    const { signed, signature } = manifest.opening;
    const proof = verifyUserauth(Buffer.from(signed, 'base64'), Buffer.from(signature, 'base64'));
    expect(proof).toMatchObject({ ok: true, value: { userName: world.login } });
  });

  it('is announced with the head of its chain, and its end is reported', async () => {
    await ssh(world, ['direct', 'true']);
    const { id, read } = await last();
    const { report } = await world.control.closing(id);
    const { torn: _torn, ...end } = read.end;
    expect(report.recording).toEqual(end);
    expect(world.manifest(id).chain).toEqual(end);
    expect(world.control.headOf(id)).toMatch(/^[0-9a-f]{64}$/);
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
    expect(stderr).toMatch(/daypass: The recording cannot start, and nothing passes unrecorded/);
    const id = await world.control.session(world.control.sessions.length - 1);
    expect(await world.control.endingOf(id)).toEqual({ how: 'failed', why: 'recording_failed' });
  });
});
