import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Grant } from '../../../src/access/grant.ts';
import { isAlive } from '../../support/checks/alive.ts';
import { allDead } from '../../support/checks/sockets.ts';
import type { Cut } from '../../support/peers/cut.ts';
import { ssh, sshClient, sshTerminal } from '../../support/peers/gateway-client.ts';
import { descendants } from '../../support/peers/processes.ts';
import { AwayWorld } from '../../support/worlds/away-world.ts';

/** `daypass serve` with one part of the world after the other away: what was revoked or has run out ends all the same. */
let world: AwayWorld;
/** Until control has caught up. PostgreSQL keeps a transaction for a minute whose client fell silent in the middle of it. */
const CAUGHT_UP_MS = { refused: 20_000, silent: 75_000 } as const;
const LEASE = { lease_new_seconds: 6, lease_live_seconds: 13 };

beforeAll(async () => {
  world = await AwayWorld.start(LEASE);
});
afterEach(async () => {
  for (const way of [world.slack, world.database]) await way.mend();
  await world.endAll();
});
afterAll(() => world?.[Symbol.asyncDispose]());

const begin = async (target: string) => {
  const client = sshClient(world, [target, 'echo in; cat']);
  await once(client.stdout, 'data');
  return client;
};
/** How long after the grant's end. */
const lateBy = (grant: Grant): number => Date.now() - Date.parse(grant.terms.notAfter);

describe('while Slack is away', () => {
  it('an operator’s word and the end of a grant end sessions within a second; the thread hears of each once', async () => {
    const [revoked, short] = [await world.grant('web-01'), await world.grant('db-01', 15)];
    await using one = await begin('web-01');
    await using other = await begin('db-01');
    await world.slack.cut('refused');
    const told = await world.cli('grants', 'revoke', revoked.id, '--comment', 'laptop stolen');
    expect(told).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Revoked /) });
    const answered = performance.now();
    expect(await one.exited).toBe(255);
    expect(performance.now() - answered).toBeLessThan(1_000);
    expect(one.stderr()).toMatch(/ended: your access was revoked by an operator \(\S+\): laptop stolen\./);

    expect(await other.exited).toBe(255);
    expect(lateBy(short)).toBeGreaterThan(-500);
    expect(lateBy(short)).toBeLessThan(1_000);
    expect(other.stderr()).toMatch(/ended: your access has expired/);
    expect(await allDead([world.port, world.sshd.port])).toBeLessThan(500);
    expect(await world.threadSays(/^Access ended/)).toBe(0);

    await world.slack.mend();
    await world.told();
    expect((await world.sessions()).map(({ state }) => state)).toEqual(['terminated expired', 'terminated revoked']);
    expect(await world.threadSays(/^Access ended/)).toBe(2);
  });
});

describe('a second control on the same database', () => {
  it('refuses, names the first, and leaves its sessions as they are: a revocation still ends them', async () => {
    const grant = await world.grant('web-01');
    await using client = await begin('web-01');
    const second = await world.serveElsewhere();
    expect(second).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`Another control has this database: process ${world.control} on `),
    });
    expect((await world.sessions())[0]).toMatchObject({ state: 'live' });
    expect(await world.cli('grants', 'revoke', grant.id)).toMatchObject({ code: 0 });
    expect(await client.exited).toBe(255);
    expect(client.stderr()).toMatch(/ended: your access was revoked/);
  });
});

describe('while the database is away', () => {
  it.each(['refused', 'silent'] as const)(
    'no session begins, then none lives, and nothing is said to be revoked that is not: %s',
    async (how: Cut) => {
      const short = await world.grant('db-01', 10);
      const long = await world.grant('web-01');
      using terminal = sshTerminal(world, ['web-01']);
      terminal.type('echo in $((40 + 2))\r');
      await terminal.shows(/in 42/);
      await using expiring = await begin('db-01');
      const before = (await world.sessions()).length;

      await world.database.cut(how);
      const cut = performance.now();
      const revoking = world.cli('grants', 'revoke', long.id);
      expect(await expiring.exited).toBe(255);
      expect(lateBy(short)).toBeLessThan(1_000);
      expect(expiring.stderr()).toMatch(/ended: your access has expired/);

      const refusedAt = cut + (LEASE.lease_new_seconds + 2) * 1_000;
      if (performance.now() < refusedAt) await pause(refusedAt - performance.now());
      expect((await ssh(world, ['web-01', 'true'])).stderr).toMatch(
        /daypass: The gateway is not accepting new sessions right now\. Connect again in a minute\./,
      );
      expect(terminal.text).not.toMatch(/daypass: .*ended/);

      expect(await terminal.exited()).toBe(255);
      expect(performance.now() - cut).toBeGreaterThan((LEASE.lease_live_seconds - 3) * 1_000);
      expect(performance.now() - cut).toBeLessThan((LEASE.lease_live_seconds + 2) * 1_000);
      expect(terminal.text).toMatch(/daypass: session ended: the gateway has lost contact with control/);
      expect(await allDead([world.port, world.sshd.port])).toBeLessThan(500);

      expect(await revoking).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/nothing was done/) });

      await world.database.mend();
      await expect
        .poll(async () => (await ssh(world, ['web-01', 'echo back'])).stdout, { timeout: 40_000 })
        .toBe('back\n');
      expect(await world.sessions()).toHaveLength(before + 1);
      await expect
        .poll(async () => (await world.sessions()).slice(0, 3).map(({ state }) => state), {
          timeout: CAUGHT_UP_MS[how],
        })
        .toEqual(['closed', 'terminated expired', 'terminated shutdown']);
      expect(await world.cli('grants', 'revoke', long.id)).toMatchObject({ code: 0 });
    },
    240_000,
  );
});

describe('control, killed between a revocation and its push', () => {
  it('leaves no session alive, lets none in again, and its next start files what was recorded', async () => {
    const grant = await world.grant('web-01');
    await using client = await begin('web-01');
    const [{ id } = { id: '' }] = await world.sessions();
    const workers = descendants(world.control);
    await world.told();
    const before = await world.threadSays(/^Access ended/);
    await world.stopControl();
    await world.access.revoke(grant);
    await world.kill();
    const killed = performance.now();
    expect(await client.exited).toBe(255);
    expect(await allDead([world.port, world.sshd.port])).toBeLessThan(1_000);
    expect(performance.now() - killed).toBeLessThan(2_000);
    for (const pid of workers) expect(isAlive(pid)).toBe(false);

    // Nor does it need Slack for that.
    await world.slack.cut('refused');
    await world.serve();
    expect((await ssh(world, ['web-01', 'true'])).stderr).toMatch(/Your access was ended/);
    await world.grant('db-01');
    expect(await ssh(world, ['db-01', 'echo in'])).toMatchObject({ code: 0, stdout: 'in\n' });
    await world.slack.mend();
    expect((await world.sessions()).find((each) => each.id === id)?.state).toBe('interrupted');
    expect(world.manifest(id)).toMatchObject({ state: 'interrupted', seal: expect.anything() });
    await world.told();
    expect(await world.threadSays(/^Access ended/)).toBe(before + 1);
  });
});
