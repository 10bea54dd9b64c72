import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../src/use-cases/ports.ts';
import { AccessWorld } from '../support/access-world.ts';
import { Contractor, ended, enter, WAYS, type Way } from '../support/contractor.ts';
import { SshdTarget } from '../support/sshd-target.ts';

/** What was opened is closed again, last first, whether or not the test went well. */
const opened: (AsyncDisposable | Disposable)[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) {
    if (Symbol.asyncDispose in each) await each[Symbol.asyncDispose]();
    else each[Symbol.dispose]();
  }
});

async function worldWithTarget(change: Parameters<AccessWorld['startGateway']>[0] = {}, clock?: Clock) {
  const world = await AccessWorld.open(null, clock);
  opened.push(world);
  const web = await SshdTarget.start('web-01', world.login, world.keys.targetCaPublicKey);
  opened.push(web);
  world.targets.push(web.target);
  await world.startGateway(change);
  const machine = new Contractor();
  opened.push(machine);
  return { world, web, machine };
}

/** Starts a command and resolves once its first output has arrived. */
async function running(machine: Contractor, way: Way, command: string): Promise<ChildProcessWithoutNullStreams> {
  const child = machine.spawn('ssh', [machine.host(way, 'web-01'), command]);
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('close', (code) => reject(new Error(`ended with ${code} before any output`)));
  });
  return child;
}

const liveIn = (world: AccessWorld) => world.store.transaction((tx) => tx.sessions.live());

describe.each(WAYS)('revoking a grant, by %s', (way) => {
  it.each([
    ['an idle session', 'echo up; exec cat'],
    ['a session flooded with output', 'echo up; exec cat /dev/zero'],
  ])('ends %s within a second, on both sides, and says who did it', async (_name, command) => {
    const { world, web, machine } = await worldWithTarget();
    const grant = await enter(world, machine);
    const child = await running(machine, way, command);
    child.stdout.resume();
    let err = '';
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    const begun = process.hrtime.bigint();
    await world.revoke(grant);
    await ended(child);
    expect(Number(process.hrtime.bigint() - begun) / 1e6).toBeLessThan(1_000);
    await expect.poll(() => liveIn(world)).toEqual([]);
    await expect.poll(() => web.connections()).toBe(0);
    if (!command.includes('/dev/zero')) expect(err).toContain('grant revoked');
    const again = await machine.ssh([machine.host(way, 'web-01'), 'true']);
    expect(again.code).toBe(255);
    expect(again.err).toContain('Your access was ended at');
  });

  it('ends a session whose client has stopped reading', async () => {
    const { world, machine } = await worldWithTarget();
    const grant = await enter(world, machine);
    const child = await running(machine, way, 'echo up; exec cat /dev/zero');
    child.kill('SIGSTOP');
    const begun = process.hrtime.bigint();
    await world.revoke(grant);
    await expect.poll(() => liveIn(world), { interval: 10 }).toEqual([]);
    expect(Number(process.hrtime.bigint() - begun) / 1e6).toBeLessThan(1_000);
    child.kill('SIGCONT');
    await ended(child);
  });
});

describe('expiry', () => {
  it('ends a live session at its second, with a line on the terminal', async () => {
    const { world, machine } = await worldWithTarget();
    const grant = await enter(world, machine, { seconds: 4 });
    const child = await running(machine, 'jump', 'echo up; exec cat');
    let err = '';
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    await ended(child);
    const late = Date.now() - Date.parse(grant.terms.notAfter);
    expect(late).toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThan(1_000);
    expect(err).toContain('your access has run out');
    const again = await machine.ssh([machine.host('direct', 'web-01'), 'true']);
    expect(again.err).toContain('Your certificate ran out at');
  });

  it('is not put off by a clock that is set back', async () => {
    let offset = 0;
    const { world, machine } = await worldWithTarget({}, { now: () => new Date(Date.now() + offset) });
    const grant = await enter(world, machine, { seconds: 4 });
    const child = await running(machine, 'direct', 'echo up; exec cat');
    offset = -3_600_000;
    await ended(child);
    expect(Date.now() - Date.parse(grant.terms.notAfter)).toBeLessThan(1_000);
  });
});

describe('a recording that cannot be written', () => {
  it('ends the session with a message, and no byte passes unrecorded', async () => {
    const spool = mkdtempSync(join(tmpdir(), 'daypass-small-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', spool]);
    opened.push({
      [Symbol.dispose]: () => {
        execFileSync('umount', ['-l', spool]);
        rmSync(spool, { recursive: true });
      },
    });
    const { world, machine } = await worldWithTarget({ spool });
    await enter(world, machine);
    const child = machine.spawn('ssh', [
      machine.host('jump', 'web-01'),
      'yes 0123456789012345678901234567890123456789',
    ]);
    let delivered = 0;
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => {
      delivered += chunk.length;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    expect(await ended(child)).toBe(255);
    expect(err).toContain('the recording cannot be written (ENOSPC)');
    const lastEnding = async () => (await world.store.transaction((tx) => tx.sessions.list(1)))[0]?.ended?.ending;
    await expect.poll(lastEnding).toEqual({ how: 'failed', why: 'recording_failed' });
    // The backlog is bounded: what was delivered is what the disk took and what waited for it.
    expect(delivered).toBeLessThan(40 * 1024 * 1024);
  });

  it('lets no session begin while the disk is nearly full', async () => {
    const { world, machine } = await worldWithTarget({ minFreeMiB: 2 ** 40 });
    const person = await world.person('UCON', 'guest');
    const refused = await machine.register(world, await world.code(person.id));
    expect(refused.code).toBe(255);
    expect(refused.err).toContain('MiB left, so none can begin');
  });
});

describe('a target', () => {
  it('that shows another host key than the pinned one is not entered, and the thread is told', async () => {
    const { world, web, machine } = await worldWithTarget();
    await enter(world, machine);
    await web.changeHostKey();
    const ran = await machine.ssh([machine.host('jump', 'web-01'), 'echo in']);
    expect(ran.out.toString()).toBe('');
    expect(ran.err).toContain('web-01 shows another host key than the one pinned');
    const mismatch = await world.store.transaction(async (tx) =>
      (await tx.outbox.due(new Date(Date.now() + 60_000), 100)).map((item) => item.notice.kind),
    );
    await expect.poll(() => liveIn(world)).toEqual([]);
    expect(mismatch.length).toBeGreaterThan(0);
    expect(web.log).not.toContain('Accepted');
  });
});

describe('a worker', () => {
  it('that hangs is replaced, and takes only its own sessions along', async () => {
    const { world, machine } = await worldWithTarget();
    await enter(world, machine);
    await running(machine, 'direct', 'echo up; exec cat');
    const children = execFileSync('pgrep', ['-P', String(process.pid), '-f', 'gateway/worker'])
      .toString()
      .trim()
      .split('\n');
    for (const pid of children) process.kill(Number(pid), 'SIGSTOP');
    await expect.poll(() => liveIn(world), { timeout: 10_000 }).toEqual([]);
    const [session] = await world.store.transaction((tx) => tx.sessions.list(1));
    expect(session?.ended?.ending).toEqual({ how: 'interrupted' });
    await expect
      .poll(async () => (await machine.ssh([machine.host('direct', 'web-01'), 'echo back'])).out.toString(), {
        timeout: 10_000,
      })
      .toBe('back\n');
  });

  it('that dies leaves a recording that can be read up to its torn end', async () => {
    const { world, machine } = await worldWithTarget();
    await enter(world, machine);
    await running(machine, 'direct', 'echo first; exec cat');
    const [live] = await liveIn(world);
    await new Promise((resolve) => setTimeout(resolve, 100));
    execFileSync('pkill', ['-KILL', '-P', String(process.pid), '-f', 'gateway/worker']);
    await expect.poll(() => liveIn(world), { timeout: 10_000 }).toEqual([]);
    const folder = join(world.folder, 'recordings', live?.id ?? '');
    const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
    expect(manifest).toMatchObject({ state: 'interrupted', ending: { how: 'interrupted' } });
    expect(readFileSync(join(folder, 'channel-0.cast'), 'utf8')).toContain('first');
  });
});
