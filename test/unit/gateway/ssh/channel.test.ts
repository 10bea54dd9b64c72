import { describe, expect, it } from 'vitest';
import { PACKET_MAX, WINDOW_MAX } from '../../../../src/gateway/limits.ts';
import type { Channel } from '../../../../src/gateway/ssh/channel.ts';
import { type Opening, saying } from '../../../support/peers/channel-words.ts';
import { ChannelTableWorld } from '../../../support/worlds/channel-table-world.ts';

/** A channel that the peer opened as its number 7. */
function opened(opening: Opening = {}): { world: ChannelTableWorld; channel: Channel } {
  const world = new ChannelTableWorld();
  world.wire.say(saying.open(7, opening));
  world.outcome();
  return { world, channel: world.first };
}

const bytes = (length: number): Buffer => Buffer.alloc(length, 'x');

describe('what is written to a channel', () => {
  it('is no more than the peer’s window lets through, which what it gives makes larger', () => {
    const { world, channel } = opened({ window: 10 });
    expect(channel.room).toBe(10);
    channel.write('stdout', bytes(10));
    expect(channel.room).toBe(0);
    expect(() => channel.write('stdout', bytes(1))).toThrow(RangeError);
    world.wire.say(saying.adjust(0, 3));
    expect(channel.room).toBe(3);
    channel.write('stderr', bytes(3));
    expect(world.outcome()).toEqual(['room', 'DATA 7 xxxxxxxxxx', 'EXTENDED 7 1 xxx']);
  });

  it.each([
    [256, 600, [256, 256, 88]],
    [PACKET_MAX, PACKET_MAX + 1, [PACKET_MAX, 1]],
    [PACKET_MAX * 4, PACKET_MAX + 1, [PACKET_MAX, 1]],
  ])('goes in packets that the peer takes (%i), and that are no longer than ours', (packet, length, pieces) => {
    const { world, channel } = opened({ packet });
    channel.write('stdout', bytes(length));
    expect(world.wire.taken().map((payload) => payload.readUInt32BE(5))).toEqual(pieces);
  });

  it('is no more than its TCP takes, of which it is told again', () => {
    const { world, channel } = opened();
    world.wire.takes(5);
    expect([channel.room, channel.isCongested]).toEqual([5, false]);
    world.wire.takes(0);
    expect([channel.room, channel.isCongested]).toEqual([0, true]);
    world.wire.takes(100);
    expect(channel.room).toBe(100);
    expect(world.told).toEqual(['room', 'room', 'room']);
  });

  it.each([
    ['we have ended our data', (_world: ChannelTableWorld, channel: Channel) => channel.eof()],
    ['we have closed it', (_world: ChannelTableWorld, channel: Channel) => channel.close()],
    ['its peer has closed it', (world: ChannelTableWorld) => world.wire.say(saying.close(0))],
    ['the connection is gone', (world: ChannelTableWorld) => world.wire.destroy()],
  ])('is nothing once %s', (_when, end) => {
    const { world, channel } = opened();
    end(world, channel);
    expect(channel.room).toBe(0);
  });

  it('may go on after the peer has ended its own', () => {
    const { world, channel } = opened({ window: 4 });
    world.wire.say(saying.eof(0));
    expect([channel.room, channel.mayReceive]).toEqual([4, false]);
  });
});

describe('a peer’s window', () => {
  it.each([
    ['at its start', WINDOW_MAX, [1], ['reset']],
    ['at its start, by nothing', WINDOW_MAX, [0], []],
    ['up to the last byte', WINDOW_MAX - 1, [1], []],
    ['bit by bit', WINDOW_MAX - 2, [1, 1, 1], ['reset']],
    ['at one stroke', 1, [WINDOW_MAX], ['reset']],
  ])('never grows beyond 2^32-1 bytes: %s', (_how, window, amounts, ends) => {
    const { world } = opened({ window });
    for (const amount of amounts) world.wire.say(saying.adjust(0, amount));
    expect(world.wire.ends).toEqual(ends);
  });

  it('that is full may grow by what was written', () => {
    const { world, channel } = opened({ window: WINDOW_MAX });
    channel.write('stdout', bytes(5));
    world.wire.say(saying.adjust(0, 5));
    expect(world.wire.ends).toEqual([]);
    world.wire.say(saying.adjust(0, 1));
    expect(world.wire.ends).toEqual(['reset']);
  });
});

describe('what we say of a channel', () => {
  it('is the end of our data once, its close once, and after that nothing', () => {
    const { world, channel } = opened();
    channel.eof();
    channel.eof();
    channel.request('exit-status', false, bytes(4));
    channel.close();
    channel.close();
    channel.eof();
    channel.request('x', true, bytes(0));
    channel.exitStatus(0);
    channel.exitSignal({ name: 'TERM', isCoreDumped: false });
    channel.reply(true);
    channel.reply(false);
    expect(world.outcome()).toEqual(['EOF 7', 'REQUEST 7 exit-status', 'CLOSE 7']);
  });

  it('still goes to a peer that has closed it, until we have, too', () => {
    const { world, channel } = opened();
    world.wire.say(saying.close(0));
    channel.reply(false);
    channel.close();
    channel.reply(false);
    expect(world.outcome()).toEqual(['closed', 'FAILURE 7', 'CLOSE 7']);
  });

  it('its owner hears of its end once, and of nothing after that', () => {
    const { world, channel } = opened();
    world.wire.say(saying.eof(0), saying.eof(0), saying.close(0), saying.close(0), saying.eof(0));
    world.wire.say(saying.tell(0, 'signal'), saying.success(0), saying.adjust(0, 1), saying.data(0, 'x'));
    world.wire.takes(5);
    world.table.over();
    expect(world.outcome()).toEqual(['eof', 'closed']);
    expect(channel.isClosed).toBe(true);
  });
});
