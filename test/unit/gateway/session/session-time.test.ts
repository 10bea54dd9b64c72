import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  DEADLINE_CHECK_MS,
  NOTICE_WAIT_MS,
  PARTING_MS,
  TERMINATED_LINGER_MS,
  WARN_MINUTES,
} from '../../../../src/gateway/limits.ts';
import type { Extension } from '../../../../src/gateway/session/session.ts';
import { minuteUtc } from '../../../../src/gateway/words/refusals.ts';
import { digest, grantId } from '../../../support/samples/samples.ts';
import { LASTS_MS, SessionWorld } from '../../../support/worlds/session-world.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const EXPIRED = { how: 'terminated', why: 'expired' };
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** From the end of its time to its report, where the client does not go by itself. */
const END_MS = DEADLINE_CHECK_MS + TERMINATED_LINGER_MS + PARTING_MS;

async function running(): Promise<SessionWorld> {
  const world = await SessionWorld.open();
  await world.runs('uptime');
  return world;
}

/** What Daypass said in the channel since it was asked last. */
const notices = (world: SessionWorld): string[] => world.client.heard().filter((line) => line.startsWith('EXTENDED'));

describe('the end of a session’s time', () => {
  it('ends it, not before and not much later', async () => {
    const world = await running();
    await world.pass(LASTS_MS - 1);
    expect([world.target.wire.ends, world.reports]).toEqual([[], []]);
    await world.pass(1 + DEADLINE_CHECK_MS);
    expect(world.target.wire.isDestroyed).toBe(true);
    await world.pass(END_MS);
    expect(world.ending).toEqual(EXPIRED);
  });

  it('comes no later where the clock is set back', async () => {
    const world = await running();
    await world.pass(MINUTE);
    vi.setSystemTime(Date.now() - HOUR);
    await world.pass(LASTS_MS - MINUTE + END_MS);
    expect(world.ending).toEqual(EXPIRED);
  });

  it('comes where the clock is set forward', async () => {
    const world = await running();
    vi.setSystemTime(Date.now() + HOUR);
    await world.pass(END_MS);
    expect(world.ending).toEqual(EXPIRED);
  });

  it('comes where the clock stood still while the machine’s own went on', async () => {
    const world = await running();
    const { bigint } = process.hrtime;
    vi.spyOn(process.hrtime, 'bigint').mockImplementation(() => bigint() + BigInt(HOUR) * 1_000_000n);
    await world.pass(END_MS);
    expect(world.ending).toEqual(EXPIRED);
  });
});

describe('before the end of its time a person', () => {
  it('is told once for each of the times that are announced', async () => {
    const world = await running();
    const told: number[] = [];
    for (let left = LASTS_MS / MINUTE - 1; left > 0; left -= 1) {
      await world.pass(MINUTE);
      if (notices(world).length > 0) told.push(left);
    }
    expect(told).toEqual(WARN_MINUTES);
  });

  it('is told in the next channel where none was open', async () => {
    const world = await SessionWorld.open();
    await world.pass(LASTS_MS - MINUTE);
    await world.asks('uptime');
    await world.pass(NOTICE_WAIT_MS);
    expect(notices(world)).toHaveLength(WARN_MINUTES.length);
  });
});

const extension = (endsAt: Date, n = 2): Extension => ({ grantId: grantId(n), grantDigest: digest(n), endsAt });
const later = (ms: number): Date => new Date(Date.now() + ms);

describe('an extension', () => {
  it('lets a session go on, up to its own end', async () => {
    const world = await running();
    const endsAt = later(2 * LASTS_MS);
    world.session.extend(extension(endsAt));
    expect(notices(world)).toEqual([expect.stringContaining(minuteUtc(endsAt))]);
    await world.pass(2 * LASTS_MS - 1);
    expect(world.target.wire.isDestroyed).toBe(false);
    await world.pass(1 + END_MS);
    expect(world.ending).toEqual(EXPIRED);
  });

  it('is in the journal, with the grant under which the session goes on', async () => {
    const world = await running();
    const endsAt = later(HOUR);
    world.session.extend(extension(endsAt));
    await world.settle();
    expect(world.thread.facts).toEqual([
      { what: 'extended', grant: grantId(2), digest: digest(2), until: endsAt.toISOString() },
    ]);
  });

  it('has the end announced again', async () => {
    const world = await running();
    await world.pass(LASTS_MS - 3 * MINUTE);
    world.session.extend(extension(later(LASTS_MS)));
    world.client.taken();
    await world.pass(LASTS_MS - 1);
    expect(notices(world)).toHaveLength(WARN_MINUTES.length);
  });

  it.each<readonly [string, (world: SessionWorld) => Promise<void>, number]>([
    ['to an earlier end', async () => {}, LASTS_MS / 2],
    ['to the same end', async () => {}, LASTS_MS],
    ['of a session that is being ended', async (world) => world.session.terminate('revoked', 'ended'), HOUR],
    ['of a session whose target is gone', async (world) => world.target.goes(), HOUR],
    ['of a session whose recorder has failed', async (world) => world.thread.fail('EIO'), HOUR],
    ['of a session that is over', async (world) => world.clientGoes(), HOUR],
  ])('changes nothing: %s', async (_what, prepare, ms) => {
    const world = await running();
    await prepare(world);
    await world.settle();
    world.client.taken();
    world.session.extend(extension(later(ms)));
    await world.settle();
    expect(notices(world)).toEqual([]);
    expect(world.thread.facts).toEqual([]);
    await world.pass(LASTS_MS + END_MS);
    expect(world.reports).toHaveLength(1);
  });

  it('does not bring back a session whose time was over', async () => {
    const world = await running();
    await world.pass(LASTS_MS + DEADLINE_CHECK_MS);
    world.session.extend(extension(later(HOUR)));
    await world.pass(END_MS);
    expect(world.ending).toEqual(EXPIRED);
  });
});
