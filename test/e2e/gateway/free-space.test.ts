import { once } from 'node:events';
import { readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SessionId } from '../../../src/access/ids.ts';
import { CHANNELS } from '../../../src/demo/workspace/seed.ts';
import { describeAsRoot } from '../../support/checks/root.ts';
import { type Client, ssh, sshClient, WAYS } from '../../support/peers/gateway-client.ts';
import type { State } from '../../support/peers/persona.ts';
import { LaunchedWorld, WORKER_ID } from '../../support/worlds/launched-world.ts';
import { type Mounted, mountTmpfs } from '../../support/worlds/mounts.ts';

const MIB = 1024 * 1024;
const LIMIT = 100;
const ECHO = 'while read line; do echo "$line"; done';

describeAsRoot('where less is free than gateway.min_free_mib', () => {
  let world: LaunchedWorld;
  let disk: Mounted;
  const data = (): string => join(world.folder.path, 'data');
  const filler = (): string => join(data(), 'something-else');

  beforeAll(async () => {
    world = await LaunchedWorld.start({
      minFreeMiB: LIMIT,
      prepareData: async (path) => {
        // What the tests record stays on it, and as much as four times the limit has to be free beside that.
        disk = await mountTmpfs(path, '1000m');
      },
    });
  });
  afterAll(async () => {
    await world?.stop();
    await disk?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
  });

  const fill = (leaveMiB = LIMIT - 20): void => {
    const { bavail, bsize } = statfsSync(data());
    writeFileSync(filler(), Buffer.alloc(bavail * bsize - leaveMiB * MIB));
  };
  const free = (): void => rmSync(filler(), { force: true });
  const listed = async (...args: string[]): Promise<{ id: string; state: string; session: string }[]> =>
    JSON.parse((await world.cli(...args, '--json')).stdout);

  it('new sessions are refused in words, live ones go on, every command works, and with space new ones begin', async () => {
    expect(await ssh(world, ['direct', 'echo recorded'])).toMatchObject({ code: 0, stdout: 'recorded\n' });
    const [recording = ''] = await sealed();
    const workers = await world.pids(WORKER_ID);
    await using live = sshClient(world, ['direct', ECHO]);
    await answers(live, 'before');
    fill();

    for (const way of WAYS) {
      const refused = await ssh(world, [way, 'echo in']);
      expect(refused).toMatchObject({ code: 255, stdout: '' });
      expect(refused.stderr).toMatch(
        /daypass: Sessions are recorded, and the recording disk has only \d{2} MiB left, so none can start\. Tell your Daypass operator\./,
      );
    }
    await answers(live, 'meanwhile');

    const [running] = await listed('sessions', 'list');
    expect(running).toMatchObject({ state: 'live' });
    expect(await listed('grants', 'list')).toMatchObject([{ state: 'live', liveSessions: 1 }]);
    expect(await listed('recordings', 'list')).toMatchObject([{ session: recording, state: 'closed' }]);
    expect(await world.cli('verify', recording)).toMatchObject({ code: 0 });
    expect(await world.cli('verify', '--all')).toMatchObject({ code: 0 });
    expect(await world.cli('recordings', 'erase', recording, '--rule', 'case 4711')).toMatchObject({ code: 0 });
    expect((await world.cli('verify', recording)).stdout).toContain('erased under rule');
    expect(await world.cli('sessions', 'end', running?.id ?? '')).toMatchObject({ code: 0 });
    expect(await live.exited).toBe(255);
    expect(await sealed(2)).toHaveLength(2);

    free();
    expect(await ssh(world, ['direct', 'echo on'])).toMatchObject({ code: 0, stdout: 'on\n' });
    expect(await world.pids(WORKER_ID)).toEqual(workers);
  });

  it('live sessions leave some of it to the host’s commands', async () => {
    await using quiet = sshClient(world, ['web-01', ECHO]);
    await answers(quiet, 'before');
    await using loud = sshClient(world, ['direct', 'yes a line of text']);
    loud.stdout.resume();
    await once(loud.stdout, 'data');
    fill();
    expect(await loud.exited).toBe(255);
    expect(await quiet.exited).toBe(255);
    for (const { stderr } of [loud, quiet]) {
      expect(stderr()).toMatch(/daypass: recording failed \(ENOSPC\); session ended\. .* Tell your Daypass operator/);
    }
    const { bavail, bsize } = statfsSync(data());
    expect(bavail * bsize).toBeGreaterThan(2 * MIB);
    while ((await listed('sessions', 'list')).length > 0);
    const all = await listed('recordings', 'list');
    expect(all.map(({ state }) => state)).not.toContain('unsealed');
    expect(await world.cli('verify', '--all')).toMatchObject({ code: 0 });
    free();
  });

  it('access can be taken away', async () => {
    await using live = sshClient(world, ['web-01', ECHO]);
    await answers(live, 'before');
    fill();
    const [grant] = await listed('grants', 'list');
    expect(await world.cli('grants', 'revoke', grant?.id ?? '')).toMatchObject({ code: 0 });
    expect(await live.exited).toBe(255);
    expect(await listed('sessions', 'list')).toEqual([]);
    expect(await listed('grants', 'list')).toEqual([]);
    free();
  });

  it('security reads so in Slack, before sessions are refused, then, and when it is over', async () => {
    const security = world.persona('security');
    const told = ({ channels }: State) =>
      channels
        .filter(({ id }) => id === CHANNELS.security)
        .flatMap(({ messages }) => messages)
        .filter(({ plain }) => / left(\.| for recordings)/.test(plain));
    // How much the tests before recorded depends on the machine: with less than four times the limit free, security has read it already.
    const recordings = join(data(), 'recordings');
    for (const name of readdirSync(recordings)) {
      if (SessionId.safeParse(name).success) rmSync(join(recordings, name), { recursive: true });
    }
    await security.until('that there is enough space, if anything', (state) => {
      const last = told(state).at(-1);
      return !last || last.plain.includes('There is enough space');
    });
    let before = told(await security.state()).length;
    const reads = async (words: string): Promise<void> => {
      await security.until(words, (state) => told(state).slice(before).at(-1)?.plain.includes(words));
      before = told(await security.state()).length;
    };
    fill(2 * LIMIT);
    await reads('Below 100.0 MiB they do not');
    free();
    fill();
    await reads('left for recordings, and 100.0 MiB are needed');
    free();
    await reads('There is enough space for recordings again');
  });

  /** The recordings that are sealed, once there are so many. */
  async function sealed(count = 1): Promise<string[]> {
    for (;;) {
      const found = (await listed('recordings', 'list')).filter(({ state }) => state !== 'unsealed');
      if (found.length >= count) return found.map(({ session }) => session);
    }
  }
});

async function answers({ child, stdout }: Client, line: string): Promise<void> {
  child.stdin?.write(`${line}\n`);
  const [said] = (await once(stdout, 'data')) as [Buffer];
  expect(said.toString()).toBe(`${line}\n`);
}
