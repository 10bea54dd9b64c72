import { describe, expect, it } from 'vitest';
import { PACKET_MIN } from '../../../../src/gateway/limits.ts';
import { MESSAGE, OPEN_FAILURE } from '../../../../src/gateway/ssh/messages.ts';
import { encode, string, uint8, uint32 } from '../../../../src/sshwire/bytes.ts';
import { saying } from '../../../support/peers/channel-words.ts';
import { ChannelTableWorld } from '../../../support/worlds/channel-table-world.ts';

/** The peer's number of the channel; ours is 0. */
const THEIRS = 7;

const opened = (): ChannelTableWorld => {
  const world = new ChannelTableWorld();
  world.wire.say(saying.open(THEIRS));
  return world;
};

/** How a channel comes into each state. */
const STATES = {
  'there is no channel': () => new ChannelTableWorld(),
  'it was asked for and not answered': () => {
    const world = new ChannelTableWorld();
    world.table.open('data', encode(), world.answered);
    return world;
  },
  'it is open': opened,
  'its peer has ended its data': () => {
    const world = opened();
    world.wire.say(saying.eof(0));
    return world;
  },
  'we have closed it': () => {
    const world = opened();
    world.first.close();
    return world;
  },
  'its peer has closed it': () => {
    const world = opened();
    world.wire.say(saying.close(0));
    return world;
  },
  'both have closed it': () => {
    const world = opened();
    world.first.close();
    world.wire.say(saying.close(0));
    return world;
  },
} as const;

const MESSAGES = {
  CONFIRM: saying.confirm(0, THEIRS),
  'OPEN FAILURE': saying.refuse(0, OPEN_FAILURE.CONNECT_FAILED, 'no'),
  DATA: saying.data(0, 'x'),
  'DATA without bytes': saying.data(0, ''),
  STDERR: saying.extended(0, 'x'),
  'EXTENDED of another kind': saying.extended(0, 'x', 2),
  ADJUST: saying.adjust(0, 10),
  EOF: saying.eof(0),
  CLOSE: saying.close(0),
  'REQUEST with answer': saying.ask(0, 'x@y'),
  'REQUEST without answer': saying.tell(0, 'x@y'),
  SUCCESS: saying.success(0),
  FAILURE: saying.failure(0),
} as const;

const CUT = 'the connection is cut';
const NOTHING = 'nothing';
/** What comes of each message in each state, in the order of the states. */
const OUTCOMES: Record<keyof typeof MESSAGES, readonly string[]> = {
  CONFIRM: [CUT, 'opened', CUT, CUT, CUT, CUT, CUT],
  'OPEN FAILURE': [NOTHING, 'refused 2', NOTHING, NOTHING, NOTHING, NOTHING, NOTHING],
  DATA: [CUT, CUT, 'stdout x', NOTHING, 'stdout x', NOTHING, CUT],
  'DATA without bytes': [CUT, CUT, NOTHING, NOTHING, NOTHING, NOTHING, CUT],
  STDERR: [CUT, CUT, 'stderr x', NOTHING, 'stderr x', NOTHING, CUT],
  'EXTENDED of another kind': [CUT, CUT, NOTHING, NOTHING, NOTHING, NOTHING, CUT],
  ADJUST: [CUT, CUT, 'room', 'room', 'room', NOTHING, CUT],
  EOF: [CUT, CUT, 'eof', NOTHING, 'eof', NOTHING, CUT],
  CLOSE: [CUT, CUT, 'closed', 'closed', 'closed', NOTHING, CUT],
  'REQUEST with answer': [CUT, CUT, 'request x@y?', 'request x@y?', 'request x@y?', 'FAILURE 7', CUT],
  'REQUEST without answer': [CUT, CUT, 'request x@y', 'request x@y', 'request x@y', NOTHING, CUT],
  SUCCESS: [CUT, CUT, 'success', 'success', 'success', NOTHING, CUT],
  FAILURE: [CUT, CUT, 'failure', 'failure', 'failure', NOTHING, CUT],
};

const ROWS = Object.entries(OUTCOMES).flatMap(([message, outcomes]) =>
  Object.entries(STATES).map(([state, make], n) => {
    const payload: Uint8Array = MESSAGES[message as keyof typeof MESSAGES];
    return [message, state, outcomes[n] ?? '', make, payload] as const;
  }),
);

describe('a message about a channel', () => {
  it.each(ROWS)('%s, when %s: %s', (_message, _state, outcome, make, payload) => {
    const world = make();
    world.outcome();
    world.wire.say(payload);
    const found = world.outcome();
    if (outcome === CUT) {
      expect(found.filter((line) => line === 'killed')).toHaveLength(1);
      expect(world.wire.ends).toEqual(['reset']);
    } else {
      expect(found).toEqual(outcome === NOTHING ? [] : [outcome]);
      expect(world.wire.ends).toEqual([]);
    }
  });

  it.each(Object.entries(MESSAGES))('%s cuts the connection wherever it breaks off', (name, whole) => {
    // Nobody reads what language the words of a refusal are in.
    const needed = name === 'OPEN FAILURE' ? whole.length - string('').length : whole.length;
    for (let length = 1; length < needed; length += 1) {
      const world = opened();
      world.table.open('data', encode(), world.answered);
      world.outcome();
      world.wire.say(whole.subarray(0, length));
      expect(world.wire.ends, `${length} of ${needed} bytes`).toEqual(['reset']);
    }
  });

  it.each([
    ['says less than there is', encode(uint8(MESSAGE.CHANNEL_DATA), uint32(0), uint32(2), string('x'))],
    ['says more than there is', encode(uint8(MESSAGE.CHANNEL_DATA), uint32(0), uint32(6), uint8(0))],
    [
      'says less than there is, on stderr',
      encode(uint8(MESSAGE.CHANNEL_EXTENDED_DATA), uint32(0), uint32(1), uint32(1), string('x')),
    ],
  ])('DATA whose length %s cuts the connection', (_how, payload) => {
    const world = opened();
    world.outcome();
    world.wire.say(payload);
    expect(world.outcome()).toEqual(['killed', 'closed']);
  });

  it('opening one with a name that has control characters cuts the connection', () => {
    const world = new ChannelTableWorld();
    world.wire.say(saying.open(THEIRS, { type: 'ses\u001bsion' }));
    expect(world.outcome()).toEqual(['killed']);
  });

  it('is nobody’s where nobody listens: a request is refused, and data takes no room', () => {
    const world = new ChannelTableWorld();
    world.isListening = false;
    world.wire.say(saying.open(THEIRS));
    world.outcome();
    world.wire.say(
      ...[saying.ask(0, 'shell'), saying.tell(0, 'x'), saying.success(0), saying.adjust(0, 1), saying.eof(0)],
    );
    expect(world.outcome()).toEqual(['FAILURE 7']);
    expect(world.wire.ends).toEqual([]);
  });
});

describe('messages that are about no channel', () => {
  it.each([
    ['one that wants an answer is refused, such as OpenSSH’s keepalive', 'keepalive@openssh.com', true],
    ['one that wants none gets none', 'hostkeys-00@openssh.com', false],
  ])('of global requests %s', (_name, request, isAnswered) => {
    const world = new ChannelTableWorld();
    world.wire.say(saying.global(request, isAnswered));
    expect(world.outcome()).toEqual([`global ${request}`, ...(isAnswered ? ['GLOBAL_FAILURE'] : [])]);
  });

  it.each([
    MESSAGE.REQUEST_SUCCESS,
    MESSAGE.REQUEST_FAILURE,
    MESSAGE.DISCONNECT,
    MESSAGE.IGNORE,
    MESSAGE.KEXINIT,
    MESSAGE.USERAUTH_REQUEST,
    83,
    89,
    101,
    255,
  ])('number %i is ssh2’s, which asks for signs of life and hears the answers', (number) => {
    const world = opened();
    world.outcome();
    world.wire.say(uint8(number));
    expect(world.outcome()).toEqual(['left to ssh2']);
  });

  it('a keepalive in a channel, as sshd sends it, is its owner’s to answer', () => {
    const world = opened();
    world.outcome();
    world.wire.say(saying.ask(0, 'keepalive@openssh.com'));
    world.first.reply(false);
    expect(world.outcome()).toEqual(['request keepalive@openssh.com?', 'FAILURE 7']);
  });
});

describe('a connection that was cut', () => {
  it('tells its owner once, closes each channel, answers each opening, and hears nothing more', () => {
    const world = opened();
    world.table.open('data', encode(), world.answered);
    world.outcome();
    world.wire.say(saying.data(9, 'x'));
    expect(world.outcome()).toEqual(['killed', `refused ${OPEN_FAILURE.CONNECT_FAILED}`, 'closed']);
    // The connection is dead already; what was read with the message that killed it still comes.
    expect(world.table.take(Buffer.from(saying.data(9, 'x')))).toBe(true);
    world.table.over();
    expect(world.outcome()).toEqual([]);
  });

  it('is dead before anybody is told, so that nothing more is written to it', () => {
    const states: boolean[] = [];
    const world: ChannelTableWorld = new ChannelTableWorld(undefined, {
      killed: () => void states.push(world.wire.isDestroyed),
    });
    world.wire.say(saying.data(9, 'x'));
    expect(states).toEqual([true]);
  });

  it('opens nothing: who asks is answered at once', () => {
    const world = new ChannelTableWorld();
    world.table.over();
    world.table.open('data', encode(), world.answered);
    expect(world.outcome()).toEqual([`refused ${OPEN_FAILURE.CONNECT_FAILED}`]);
  });

  it('confirms no channel that was waiting for its owner', () => {
    const world = new ChannelTableWorld({ sessions: 1, tunnels: 1 });
    world.wire.say(saying.open(THEIRS, { type: 'direct-tcpip' }));
    world.table.over();
    expect(world.pending[0]?.confirm()).toBeNull();
    expect(world.outcome()).toEqual([]);
  });
});

describe('a channel that a peer opens', () => {
  it.each([
    [PACKET_MIN, []],
    [PACKET_MIN - 1, ['reset']],
    [0, ['reset']],
  ])('with packets of at most %i bytes', (packet, ends) => {
    const world = new ChannelTableWorld();
    world.wire.say(saying.open(THEIRS, { packet }));
    expect(world.wire.ends).toEqual(ends);
    const answered = new ChannelTableWorld();
    answered.table.open('data', encode(), answered.answered);
    answered.wire.say(saying.confirm(0, THEIRS, { packet }));
    expect(answered.wire.ends).toEqual(ends);
  });

  it('with less than its owner has to read of it cuts the connection', () => {
    const world: ChannelTableWorld = new ChannelTableWorld(
      { sessions: 1, tunnels: 1 },
      {
        open(_type, data) {
          data.text('host');
          return { accept: true, opened: (channel) => world.take(channel) };
        },
      },
    );
    world.wire.say(saying.open(THEIRS, { type: 'direct-tcpip' }, string('localhost')));
    expect(world.outcome()).toEqual([`CONFIRM ${THEIRS} as 0`]);
    world.wire.say(saying.open(THEIRS));
    expect(world.outcome()).toEqual(['killed', 'closed']);
    expect(world.wire.ends).toEqual(['reset']);
  });

  it('of a kind that its owner does not take is refused, and is none', () => {
    const world = new ChannelTableWorld({ sessions: 1, tunnels: 1 });
    for (const type of ['x11', 'x11', 'direct-tcpip']) world.wire.say(saying.open(THEIRS, { type }));
    expect(world.outcome()).toEqual(Array(2).fill(`REFUSE ${THEIRS} ${OPEN_FAILURE.PROHIBITED}`));
    expect(world.pending).toHaveLength(1);
  });
});
