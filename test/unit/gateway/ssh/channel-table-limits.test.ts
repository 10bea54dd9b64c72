import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, TERMINAL_WINDOW, TUNNEL_WINDOW, WINDOW } from '../../../../src/gateway/limits.ts';
import type { Channel } from '../../../../src/gateway/ssh/channel.ts';
import type { Carries } from '../../../../src/gateway/ssh/channel-table.ts';
import { OPEN_FAILURE } from '../../../../src/gateway/ssh/messages.ts';
import { encode } from '../../../../src/sshwire/bytes.ts';
import { saying } from '../../../support/peers/channel-words.ts';
import { ChannelTableWorld, listening } from '../../../support/worlds/channel-table-world.ts';

const TUNNEL = { type: 'direct-tcpip' } as const;
const SHORTAGE = (sender: number): string => `REFUSE ${sender} ${OPEN_FAILURE.SHORTAGE}`;

describe('how many channels a peer may have at a time', () => {
  it('is the limit and not one more', () => {
    const world = new ChannelTableWorld();
    const { channelsPerConnection: max } = DEFAULT_LIMITS;
    for (let sender = 0; sender <= max; sender += 1) world.wire.say(saying.open(sender));
    expect(world.channels).toHaveLength(max);
    expect(world.outcome().at(-1)).toBe(SHORTAGE(max));
    expect(world.wire.ends).toEqual([]);
  });

  it.each([
    ['neither side has closed one', [], false],
    ['only the peer has closed one', ['peer'], false],
    ['only we have closed one', ['we'], false],
    ['both have closed one, the peer first', ['peer', 'we'], true],
    ['both have closed one, we first', ['we', 'peer'], true],
    ['both have closed one, we twice', ['we', 'we', 'peer'], true],
  ])('is full while %s', (_state, closers, isRoom) => {
    const world = new ChannelTableWorld({ sessions: 1, tunnels: 0 });
    world.wire.say(saying.open(0));
    world.outcome();
    for (const closer of closers) {
      if (closer === 'we') world.first.close();
      else world.wire.say(saying.close(0));
    }
    world.outcome();
    world.wire.say(saying.open(1), saying.open(2));
    expect(world.outcome()).toEqual([isRoom ? 'CONFIRM 1 as 1' : SHORTAGE(1), SHORTAGE(2)]);
  });

  it('counts sessions and tunnels apart', () => {
    const world = new ChannelTableWorld({ sessions: 1, tunnels: 1 });
    world.wire.say(saying.open(0), saying.open(1, TUNNEL), saying.open(2), saying.open(3, TUNNEL));
    expect(world.outcome()).toEqual(['CONFIRM 0 as 0', SHORTAGE(2), SHORTAGE(3)]);
  });

  it('counts a tunnel that its owner has not decided on, until it is refused or both have closed it', () => {
    const world = new ChannelTableWorld({ sessions: 0, tunnels: 1 });
    world.wire.say(saying.open(0, TUNNEL), saying.open(1, TUNNEL));
    expect(world.outcome()).toEqual([SHORTAGE(1)]);
    world.pending[0]?.refuse(OPEN_FAILURE.CONNECT_FAILED, 'no');
    expect(world.outcome()).toEqual([`REFUSE 0 ${OPEN_FAILURE.CONNECT_FAILED}`]);
    world.wire.say(saying.open(2, TUNNEL));
    const tunnel = world.pending[1]?.confirm();
    world.wire.say(saying.open(3, TUNNEL));
    expect(world.outcome()).toEqual(['CONFIRM 2 as 0', SHORTAGE(3)]);
    tunnel?.close();
    world.wire.say(saying.close(0), saying.open(4, TUNNEL));
    expect(world.outcome()).toEqual(['CLOSE 2']);
    expect(world.pending).toHaveLength(3);
  });

  it('is not more where an owner closes its side as it hears that the peer has closed its own', () => {
    const closing = (channel: Channel): void => {
      channel.listener = { ...listening(() => {}), closed: () => channel.close() };
    };
    const world = new ChannelTableWorld(
      { sessions: 1, tunnels: 0 },
      { open: () => ({ accept: true, opened: closing }) },
    );
    world.wire.say(saying.open(0), saying.close(0), saying.open(1), saying.open(2));
    expect(world.outcome()).toEqual(['CONFIRM 0 as 0', 'CLOSE 0', 'CONFIRM 1 as 1', SHORTAGE(2)]);
  });

  it('does not count those that we opened', () => {
    const world = new ChannelTableWorld({ sessions: 1, tunnels: 0 });
    for (const id of [0, 1, 2]) {
      world.table.open('data', encode(), world.answered);
      world.wire.say(saying.confirm(id, id));
    }
    world.outcome();
    world.wire.say(saying.open(9));
    expect(world.outcome()).toEqual(['CONFIRM 9 as 3']);
  });
});

describe('numbers of channels', () => {
  it('are given once: what is late for one never meets another', () => {
    const world = new ChannelTableWorld();
    world.wire.say(saying.open(0));
    world.first.close();
    world.wire.say(saying.close(0), saying.open(0));
    expect(world.outcome()).toEqual(['closed', 'CONFIRM 0 as 0', 'CLOSE 0', 'CONFIRM 0 as 1']);
    world.wire.say(saying.data(0, 'late'));
    expect(world.wire.ends).toEqual(['reset']);
  });

  it('are ours in what we hear and the peer’s in what it gets', () => {
    const world = new ChannelTableWorld();
    world.wire.say(saying.open(41), saying.open(42));
    world.outcome();
    world.wire.say(saying.eof(1));
    world.channels[1]?.eof();
    world.channels[0]?.close();
    expect(world.outcome()).toEqual(['eof', 'EOF 42', 'CLOSE 41']);
  });
});

describe('how much a peer may send before it is taken from here', () => {
  const windows: readonly (readonly [Carries, number])[] = [
    ['data', WINDOW],
    ['terminal', TERMINAL_WINDOW],
    ['tunnel', TUNNEL_WINDOW],
  ];

  it.each(windows)('is the window of a channel for %s: %i bytes, and not one more', (carries, window) => {
    for (const more of [0, 1]) {
      const world = new ChannelTableWorld();
      world.table.open(carries, encode(), world.answered);
      world.wire.say(saying.confirm(0, 0));
      fill(world, window);
      expect(world.wire.ends).toEqual([]);
      if (more > 0) world.wire.say(saying.extended(0, 'x'));
      expect(world.wire.ends).toEqual(more > 0 ? ['reset'] : []);
    }
  });

  it('is given back in halves of the window, as it is taken', () => {
    const world = opened();
    fill(world, WINDOW);
    world.outcome();
    world.first.consumed(WINDOW / 2 - 1);
    expect(world.outcome()).toEqual([]);
    world.first.consumed(1);
    expect(world.outcome()).toEqual([`ADJUST 7 ${WINDOW / 2}`]);
    fill(world, WINDOW / 2);
    expect(world.wire.ends).toEqual([]);
    world.wire.say(saying.data(0, 'x'));
    expect(world.wire.ends).toEqual(['reset']);
  });

  it('is given back at once of what nobody takes', () => {
    const world = opened();
    world.outcome();
    const piece = Buffer.alloc(32_768);
    for (let left = WINDOW / 2; left > 0; left -= piece.length) world.wire.say(saying.extended(0, piece, 2));
    expect(world.outcome()).toEqual([`ADJUST 7 ${WINDOW / 2}`]);
  });

  it.each([
    ['has ended its data', (world: ChannelTableWorld) => world.wire.say(saying.eof(0))],
    ['has closed the channel', (world: ChannelTableWorld) => world.wire.say(saying.close(0))],
  ])('is not given back to one that %s, so that it cannot send for ever', (_how, end) => {
    const world = opened();
    end(world);
    world.outcome();
    fill(world, WINDOW);
    expect(world.outcome()).toEqual([]);
    expect(world.wire.ends).toEqual([]);
    world.wire.say(saying.data(0, 'x'));
    expect(world.wire.ends).toEqual(['reset']);
  });

  it('is not given back once we have closed the channel', () => {
    const world = opened();
    fill(world, WINDOW);
    world.first.close();
    world.outcome();
    world.first.consumed(WINDOW);
    expect(world.outcome()).toEqual([]);
  });
});

function opened(): ChannelTableWorld {
  const world = new ChannelTableWorld();
  world.wire.say(saying.open(7));
  return world;
}

function fill({ wire, told }: ChannelTableWorld, bytes: number): void {
  const piece = Buffer.alloc(32_768);
  for (let left = bytes; left > 0; left -= piece.length) wire.say(saying.data(0, piece.subarray(0, left)));
  told.splice(0);
}
