import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Jump } from '../../../../src/gateway/downstream/jump.ts';
import type { Origin } from '../../../../src/gateway/downstream/origin.ts';
import { ChannelTable } from '../../../../src/gateway/ssh/channel-table.ts';
import { OPEN_FAILURE, tunnelTo } from '../../../../src/gateway/ssh/messages.ts';
import { saying } from '../../../support/peers/channel-words.ts';
import { MemoryTransport } from '../../../support/peers/memory-transport.ts';
import { NOON } from '../../../support/samples/samples.ts';
import { ADDRESS, JUMP } from '../../../support/worlds/pipe-messages.ts';

beforeEach(() => void vi.useFakeTimers({ now: NOON }));
afterEach(() => void vi.useRealTimers());

const LASTS_MS = 60_000;
const LEADS = JUMP as Extract<typeof JUMP, { kind: 'jump' }>;

/** A jump over a connection in memory: the test is its client, and takes in what runs through it. */
class JumpWorld {
  readonly client = new MemoryTransport();
  readonly jump: Jump;
  readonly inner: { readonly socket: Duplex; readonly origin: Origin }[] = [];
  /** Jumps of which control was told that they are over. */
  readonly over: string[] = [];

  constructor(leads = LEADS) {
    const { transport } = this.client;
    this.jump = new Jump(
      {
        host: {
          ...{ site: 'acme', at: 'ssh.example.com' },
          ask: async () => ({ stdout: '', stderr: '', exit: 0 }),
          jumpOver: (sshSessionId) => void this.over.push(sshSessionId),
        },
        ...{ remoteAddress: ADDRESS, transport, killed: () => {} },
        accept: (socket, origin) => void this.inner.push({ socket, origin }),
      },
      leads,
    );
    const table = new ChannelTable(transport, this.jump.policy, { sessions: 10, tunnels: 10 });
    this.client.hearer = (payload) => table.take(payload);
  }

  /** The client opens its channel `n` to there. */
  opens(n: number, host = 'web-01', type = 'direct-tcpip'): void {
    this.client.say(saying.open(n, { type }, tunnelTo(host, 22)));
  }

  socket(n: number): Duplex {
    const inner = this.inner[n];
    if (!inner) throw new Error('no such connection');
    return inner.socket;
  }
}

const CLOSED: (world: JumpWorld) => Promise<void> = async (world) => {
  world.socket(0).destroy();
  await vi.advanceTimersByTimeAsync(0);
};

describe('a channel of a jump', () => {
  it.each([['web-01'], ['web-01.acme.daypass']])('to %s is a connection of its own', (host) => {
    const world = new JumpWorld();
    world.opens(0, host);
    const { jump } = world;
    expect(world.inner.map(({ origin }) => origin)).toEqual([
      { kind: 'inner', remoteAddress: ADDRESS, targetName: host, jump },
    ]);
    expect(jump.sshSessionId).toBe(world.client.sessionId);
    expect(world.client.heard()[0]).toMatch(/^CONFIRM 0 /);
  });

  it.each<[string, typeof LEADS, string, string]>([
    ['to a target that the jump does not lead to', LEADS, 'db-01', 'direct-tcpip'],
    ['to a name of another site', LEADS, 'web-01.other.daypass', 'direct-tcpip'],
    ['to any target while there is a reason for none', { ...LEADS, noTargets: 'none' }, 'web-01', 'direct-tcpip'],
    ['of another type', LEADS, 'web-01', 'direct-streamlocal@openssh.com'],
  ])('%s is refused', (_name, leads, host, type) => {
    const world = new JumpWorld(leads);
    world.opens(0, host, type);
    expect([world.client.heard(), world.inner]).toEqual([[`REFUSE 0 ${OPEN_FAILURE.PROHIBITED}`], []]);
  });

  it('that is a session asks the gateway itself, also while there is a reason for no target', () => {
    const world = new JumpWorld({ ...LEADS, noTargets: 'none' });
    world.opens(0, '', 'session');
    expect([world.client.heard()[0], world.inner]).toEqual([expect.stringMatching(/^CONFIRM 0 /), []]);
  });
});

describe('the time of a jump', () => {
  it.each<[string, (world: JumpWorld) => void | Promise<void>, string[]]>([
    ['ends it if nothing runs through it', () => {}, ['destroyed']],
    ['ends it if what runs through it has no session', (world) => world.opens(0), ['destroyed']],
    [
      'does not end it while it carries a session',
      (world) => {
        world.opens(0);
        world.jump.carries(world.socket(0));
      },
      [],
    ],
    [
      'ends it once the session that it carried is over',
      async (world) => {
        world.opens(0);
        world.jump.carries(world.socket(0));
        await CLOSED(world);
      },
      ['destroyed'],
    ],
    [
      'ends it if what ran through it went before its session was decided',
      async (world) => {
        world.opens(0);
        await CLOSED(world);
        world.jump.carries(world.socket(0));
      },
      ['destroyed'],
    ],
    ['does not end it after it is over', (world) => world.jump.over(), []],
  ])('%s', async (_name, act, ends) => {
    const world = new JumpWorld();
    await act(world);
    await vi.advanceTimersByTimeAsync(LASTS_MS - 1_000);
    expect(world.client.ends).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(world.client.ends).toEqual(ends);
  });
});

describe('a connection that is sent away', () => {
  it.each<[string, (world: JumpWorld) => void | Promise<void>, string[]]>([
    ['ends the jump that it ran through alone', (world) => world.jump.release(world.socket(0)), ['reset']],
    [
      'leaves the jump to another one that runs through it',
      (world) => {
        world.opens(1);
        world.jump.release(world.socket(0));
      },
      [],
    ],
    [
      'ends the jump if the other one was sent away before',
      (world) => {
        world.opens(1);
        world.jump.release(world.socket(0));
        world.jump.release(world.socket(1));
      },
      ['reset'],
    ],
    [
      'ends the jump if the other one closed before',
      async (world) => {
        world.opens(1);
        await CLOSED(world);
        world.jump.release(world.socket(1));
      },
      ['reset'],
    ],
  ])('%s', async (_name, act, ends) => {
    const world = new JumpWorld();
    world.opens(0);
    await act(world);
    expect(world.client.ends).toEqual(ends);
  });

  it('does not end the jump where it goes by itself', async () => {
    const world = new JumpWorld();
    world.opens(0);
    await CLOSED(world);
    expect(world.client.ends).toEqual([]);
  });
});

it('control is told that a jump is over', () => {
  const world = new JumpWorld();
  world.jump.over();
  expect(world.over).toEqual([world.client.sessionId]);
});
