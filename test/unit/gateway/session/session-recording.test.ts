import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FAILURE_LINGER_MS, FAREWELL_MS, PARTING_MS, TERMINATED_LINGER_MS } from '../../../../src/gateway/limits.ts';
import { OPEN_FAILURE } from '../../../../src/gateway/ssh/messages.ts';
import { saying } from '../../../support/peers/channel-words.ts';
import { CHAIN_END, type MemoryThread } from '../../../support/peers/memory-recorder.ts';
import { SessionWorld } from '../../../support/worlds/session-world.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const CLOSED = { how: 'closed' };
const REVOKED = { how: 'terminated', why: 'revoked' };
const UNRECORDED = { how: 'failed', why: 'recording_failed' };
const PROTOCOL = { how: 'failed', why: 'protocol' };
const FULL = { code: 'ENOSPC', message: 'no space is left' };

async function running(prepare?: (thread: MemoryThread) => void): Promise<SessionWorld> {
  const world = await SessionWorld.begin(prepare);
  await world.targetLetsIn();
  await world.runs('uptime');
  return world;
}

describe('a recording that cannot be begun', () => {
  it('lets nobody in, and leaves it to the login to say so', async () => {
    const world = await SessionWorld.begin((thread) => thread.fails.set('begin', FULL));
    await expect(world.session.recorded()).rejects.toMatchObject(FULL);
    await world.targetLetsIn();
    expect(world.told).toEqual(['cut', 'closed']);
    expect(world.reports).toEqual([{ ending: UNRECORDED, recording: null, channels: [], refusals: [] }]);
    expect(world.target.wire.isDestroyed).toBe(true);
    expect(world.client.ends).toEqual([]);
  });

  it('after the client has gone is reported once', async () => {
    const world = await SessionWorld.begin((thread) => {
      thread.holds.add('begin');
      thread.fails.set('begin', FULL);
    });
    world.clientGoes();
    world.thread.release();
    await world.pass(FAILURE_LINGER_MS);
    expect(world.told).toEqual(['cut', 'closed']);
    expect(world.reports).toMatchObject([{ ending: UNRECORDED, recording: null }]);
  });
});

describe('a recorder that fails', () => {
  it('lets nothing more through, in either direction', async () => {
    const world = await running();
    world.thread.fail('EIO');
    await world.settle();
    world.client.taken();
    world.target.wire.taken();
    world.client.say(saying.data(0, 'typed'));
    world.target.wire.say(saying.data(0, 'said'));
    await world.pass(FAREWELL_MS);
    expect(world.target.wire.heard()).toEqual([]);
    expect(world.client.heard().filter((line) => line.startsWith('DATA'))).toEqual([]);
  });

  it.each(['EIO', 'ENOSPC'])('says so in the channel with the system’s code: %s', async (code) => {
    const world = await running();
    world.thread.fail(code);
    await world.settle();
    const [line, ...end] = world.client.heard();
    expect(line).toMatch(new RegExp(`^EXTENDED 0 1 daypass: .*${code}`));
    expect(end).toEqual(['REQUEST 0 exit-status', 'EOF 0', 'CLOSE 0']);
    await world.pass(FAREWELL_MS + PARTING_MS);
    expect(world.reports).toMatchObject([{ ending: UNRECORDED, recording: null }]);
  });

  it('says so once, however often it fails', async () => {
    const world = await running();
    for (const code of ['EIO', 'ENOSPC']) world.thread.fail(code);
    world.session.outOfSpace();
    await world.settle();
    expect(world.client.heard().filter((line) => line.startsWith('EXTENDED'))).toHaveLength(1);
    await world.pass(FAREWELL_MS);
    expect(world.partings).toHaveLength(1);
  });

  it.each<readonly [string, (world: SessionWorld) => void, object]>([
    ['the client has gone', (world) => world.clientGoes(), UNRECORDED],
    ['access was revoked', (world) => world.session.terminate('revoked', 'ended'), REVOKED],
  ])('at the end, after %s, is reported unless the session was ended from here', async (_when, end, ending) => {
    const world = await running();
    world.thread.fails.set('close', FULL);
    end(world);
    await world.pass(TERMINATED_LINGER_MS + PARTING_MS);
    expect(world.reports).toMatchObject([{ ending, recording: null }]);
  });

  it('in a channel’s last line fails the recording', async () => {
    const world = await running();
    world.thread.fails.set('finish', FULL);
    world.target.wire.say(saying.exitStatus(0, 0), saying.eof(0), saying.close(0));
    world.client.say(saying.close(0));
    await world.pass(FAREWELL_MS + PARTING_MS);
    expect(world.reports).toMatchObject([{ ending: UNRECORDED, channels: [] }]);
  });
});

describe('a report', () => {
  it('says what ran and what was refused, and where the recording’s chain ends', async () => {
    const world = await running();
    world.client.say(saying.ask(0, 'x11-req'), saying.open(1, { type: 'x11' }));
    world.target.wire.say(saying.exitStatus(0, 3), saying.eof(0), saying.close(0));
    world.client.say(saying.close(0));
    await world.settle();
    world.clientGoes();
    await world.settle();
    const [report] = world.reports;
    expect(report).toMatchObject({ ending: CLOSED, recording: CHAIN_END });
    expect(report?.channels).toMatchObject([
      { id: 0, kind: 'exec', command: 'uptime', pty: false, exit: { kind: 'status', code: 3 }, destination: null },
    ]);
    expect(report?.refusals).toHaveLength(2);
    const [closing] = world.thread.closings;
    expect(closing).toMatchObject({ ending: CLOSED, refusals: 2, channels: [{ number: 0, kind: 'exec' }] });
    // What was run is for those alone who may read the recording.
    expect(JSON.stringify(closing)).not.toContain('uptime');
  });

  it('comes once each channel is written, and not before', async () => {
    const world = await running((thread) => thread.holds.add('finish'));
    world.clientGoes();
    await world.pass(FAILURE_LINGER_MS);
    expect([world.told.at(-1), world.thread.orders]).toEqual(['cut', ['begin', 'channel', 'finish']]);
    world.thread.release();
    await world.settle();
    expect(world.told.at(-1)).toBe('closed');
    expect(world.thread.orders.at(-1)).toBe('close');
    expect(world.reports[0]?.channels).toHaveLength(1);
  });

  it('comes once the recording is closed, and not before', async () => {
    const world = await running((thread) => thread.holds.add('close'));
    world.clientGoes();
    await world.pass(FAILURE_LINGER_MS);
    expect(world.reports).toEqual([]);
    world.thread.release();
    await world.settle();
    expect(world.reports).toMatchObject([{ recording: CHAIN_END }]);
  });

  it('waits for a recording that is begun late', async () => {
    const world = await SessionWorld.begin((thread) => thread.holds.add('begin'));
    world.clientGoes();
    await world.settle();
    expect(world.reports).toEqual([]);
    world.thread.release();
    await world.settle();
    expect(world.reports).toMatchObject([{ ending: { why: 'login_abandoned' }, recording: CHAIN_END }]);
  });
});

/** What comes in one piece with the confirmation of a channel is read before anybody listens to that. */
describe('a target that confirms a channel and in the same breath', () => {
  async function opening(): Promise<SessionWorld> {
    const world = await SessionWorld.open();
    await world.asks('uptime');
    world.client.taken();
    world.target.wire.taken();
    return world;
  }

  it('closes it ends the channel, and not the session', async () => {
    const world = await opening();
    world.target.wire.say(saying.confirm(0, 0), saying.close(0));
    await world.settle();
    expect(world.client.heard()).toEqual(['EOF 0', 'CLOSE 0']);
    expect(world.target.wire.heard()).toEqual(['CLOSE 0']);
    world.client.say(saying.close(0));
    await world.settle();
    expect(world.session.channels.isIdle).toBe(true);
    world.clientGoes();
    await world.settle();
    expect(world.reports).toMatchObject([{ ending: CLOSED, channels: [{ id: 0 }] }]);
  });

  it('ends its data passes that on', async () => {
    const world = await opening();
    world.target.wire.say(saying.confirm(0, 0), saying.eof(0));
    await world.settle();
    expect(world.client.heard()).toEqual(['EOF 0']);
  });

  it('breaks the rules fails the session, which is reported', async () => {
    const world = await opening();
    world.target.wire.say(saying.confirm(0, 0), saying.data(9, 'x'));
    await world.pass(FAILURE_LINGER_MS + PARTING_MS);
    expect(world.reports).toMatchObject([{ ending: PROTOCOL }]);
  });

  it.each(['first', 'then'])(
    'is gone fails the session, which is reported, where the client closes the channel %s',
    async (when) => {
      const world = await opening();
      world.target.wire.say(saying.confirm(0, 0));
      world.target.goes();
      if (when === 'first') world.client.say(saying.close(0));
      await world.settle();
      if (when === 'then') world.client.say(saying.close(0));
      await world.pass(FAILURE_LINGER_MS + PARTING_MS);
      expect(world.reports).toHaveLength(1);
    },
  );

  it('refuses it says so in the channel', async () => {
    const world = await opening();
    world.target.wire.say(saying.refuse(0, OPEN_FAILURE.SHORTAGE, 'too many'));
    await world.settle();
    expect(world.client.heard()).toEqual([
      expect.stringMatching(/^EXTENDED 0 1 daypass: /),
      ...['REQUEST 0 exit-status', 'EOF 0', 'CLOSE 0'],
    ]);
  });
});
