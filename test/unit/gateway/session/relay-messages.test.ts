import { describe, expect, it } from 'vitest';
import { encode, string, uint8, uint32 } from '../../../../src/sshwire/bytes.ts';
import { saying } from '../../../support/peers/channel-words.ts';
import { RelayWorld } from '../../../support/worlds/relay-world.ts';

/** How a relayed channel comes into each state. */
const UNSTARTED = {
  'nothing was started': async () => new RelayWorld(),
  'the target is not there yet': async () => {
    const world = new RelayWorld();
    await world.asks();
    await world.recorderComes();
    return world;
  },
} as const;
const STARTED = {
  'its recorder is not there yet': async () => {
    const world = new RelayWorld();
    await world.asks();
    await world.targetComes();
    return world;
  },
  'it runs': () => RelayWorld.running(),
  'its recorder is full': async () => {
    const world = await RelayWorld.running();
    world.recorder.isFull = true;
    return world;
  },
  'the client has ended its input': () => after((world) => world.says(world.client, saying.eof(0))),
  'the target has ended its output': () => after((world) => world.says(world.target, saying.eof(0))),
  'the client has closed it': () => after((world) => world.says(world.client, saying.close(0))),
  'the target has closed it': () => after((world) => world.says(world.target, saying.close(0))),
  'it was ended from here': () => after(async (world) => world.relay.fail('over')),
} as const;

async function after(happens: (world: RelayWorld) => Promise<void>): Promise<RelayWorld> {
  const world = await RelayWorld.running();
  await happens(world);
  return world;
}

const TERMINAL = encode(string('xterm'), ...[80, 24, 0, 0].map(uint32), string(''));
const EXIT_SIGNAL = encode(string('TERM'), uint8(0), string(''), string(''));

const OF_CLIENT = {
  DATA: saying.data(0, 'x'),
  'DATA on stderr': saying.extended(0, 'x'),
  EOF: saying.eof(0),
  CLOSE: saying.close(0),
  ADJUST: saying.adjust(0, 10),
  'a start': saying.ask(0, 'exec', string('cat')),
  'a terminal': saying.ask(0, 'pty-req', TERMINAL),
  'a variable': saying.ask(0, 'env', encode(string('LANG'), string('C'))),
  'a size': saying.tell(0, 'window-change', encode(...[100, 40, 0, 0].map(uint32))),
  'a signal': saying.ask(0, 'signal', string('INT')),
  'that it reads no more': saying.ask(0, 'eow@openssh.com'),
  'an unknown request': saying.ask(0, 'x@y'),
  SUCCESS: saying.success(0),
} as const;

const OF_TARGET = {
  DATA: saying.data(0, 'y'),
  'DATA on stderr': saying.extended(0, 'y'),
  EOF: saying.eof(0),
  CLOSE: saying.close(0),
  ADJUST: saying.adjust(0, 10),
  'an exit status': saying.exitStatus(0, 3),
  'an exit signal': saying.tell(0, 'exit-signal', EXIT_SIGNAL),
  'that it reads no more': saying.tell(0, 'eow@openssh.com'),
  'a keepalive': saying.ask(0, 'keepalive@openssh.com'),
  'an unknown request': saying.tell(0, 'x@y'),
  SUCCESS: saying.success(0),
  FAILURE: saying.failure(0),
} as const;

const NONE = '';
const TAKEN = 'recorder input x, target DATA 5 x';
const YES = 'client SUCCESS 7';
const NO = 'client FAILURE 7';
const NOTED = 'recorder note {"what":"signal","name":"INT"}';
const SIGNAL = `${NOTED}, target REQUEST 5 signal, ${YES}`;
const EOW = `target REQUEST 5 eow@openssh.com, ${YES}`;
const UP_EOF = 'target EOF 5';
const UP_CLOSE = 'target CLOSE 5';
const OVER = 'recorder finish null, over null';

/** What comes of each message in each state: in those before the target was asked, and then in the others, in their order. */
const CLIENT_OUTCOMES: Record<keyof typeof OF_CLIENT, readonly string[]> = {
  DATA: [NONE, NONE, NONE, TAKEN, NONE, NONE, TAKEN, NONE, NONE, NONE],
  'DATA on stderr': [NONE, NONE, NONE, TAKEN, NONE, NONE, TAKEN, NONE, NONE, NONE],
  EOF: [NONE, NONE, NONE, UP_EOF, UP_EOF, NONE, UP_EOF, NONE, NONE, NONE],
  CLOSE: [
    ...['client CLOSE 7, over', `client CLOSE 7, ${OVER}`, UP_CLOSE, UP_CLOSE, UP_CLOSE, UP_CLOSE, UP_CLOSE],
    ...[NONE, OVER, NONE],
  ],
  ADJUST: Array(10).fill(NONE),
  'a start': [`${YES}, recorder begins exec cat, target OPEN session 0`, NO, NO, NO, NO, NO, NO, NO, NONE, NONE],
  'a terminal': [YES, NO, NO, NO, NO, NO, NO, NO, NONE, NONE],
  'a variable': [YES, NO, NO, NO, NO, NO, NO, NO, NONE, NONE],
  // There is no terminal.
  'a size': Array(10).fill(NONE),
  'a signal': [NO, YES, YES, SIGNAL, YES, SIGNAL, SIGNAL, NO, NOTED, NOTED],
  'that it reads no more': [NO, YES, YES, EOW, EOW, EOW, EOW, NO, NONE, NONE],
  'an unknown request': [NO, NO, NO, NO, NO, NO, NO, NO, NONE, NONE],
  SUCCESS: Array(10).fill(NONE),
};

const STDOUT = 'recorder stdout y, client DATA 7 y';
const STDERR = 'recorder stderr y, client EXTENDED 7 1 y';
const EOF = 'client EOF 7';
const CLOSED = 'client EOF 7, client CLOSE 7, target CLOSE 5';
const STATUS = 'client REQUEST 7 exit-status';
const KILLED = 'client REQUEST 7 exit-signal';
const STOPS = 'client REQUEST 7 eow@openssh.com';
const REFUSED = 'target FAILURE 5';
/** A target says nothing more of a channel that both have closed. */
const CUT = 'target cut';

/** The same in the states in which there is a target. */
const TARGET_OUTCOMES: Record<keyof typeof OF_TARGET, readonly string[]> = {
  DATA: [NONE, STDOUT, NONE, STDOUT, NONE, NONE, CUT, NONE],
  'DATA on stderr': [NONE, STDERR, NONE, STDERR, NONE, NONE, CUT, NONE],
  EOF: [EOF, EOF, EOF, EOF, NONE, EOF, CUT, NONE],
  CLOSE: [
    ...[CLOSED, CLOSED, CLOSED, CLOSED, 'client CLOSE 7, target CLOSE 5', `client EOF 7, client CLOSE 7, ${OVER}`],
    ...[CUT, NONE],
  ],
  ADJUST: [NONE, NONE, NONE, NONE, NONE, NONE, CUT, NONE],
  // Told once the output is over.
  'an exit status': [NONE, NONE, NONE, NONE, STATUS, NONE, CUT, NONE],
  'an exit signal': [NONE, NONE, NONE, NONE, KILLED, NONE, CUT, NONE],
  'that it reads no more': [STOPS, STOPS, STOPS, STOPS, STOPS, STOPS, CUT, NONE],
  'a keepalive': [REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, NONE, CUT, NONE],
  'an unknown request': [NONE, NONE, NONE, NONE, NONE, NONE, CUT, NONE],
  SUCCESS: [NONE, NONE, NONE, NONE, NONE, NONE, CUT, NONE],
  FAILURE: [NONE, NONE, NONE, NONE, NONE, NONE, CUT, NONE],
};

type Row = readonly [
  message: string,
  state: string,
  outcome: string,
  make: () => Promise<RelayWorld>,
  payload: Uint8Array,
];

function rows(
  states: Readonly<Record<string, () => Promise<RelayWorld>>>,
  messages: Readonly<Record<string, Uint8Array>>,
  outcomes: Readonly<Record<string, readonly string[]>>,
): Row[] {
  return Object.entries(messages).flatMap(([message, payload]) =>
    Object.entries(states).map(([state, make], n): Row => {
      const outcome = outcomes[message]?.[n];
      if (outcome === undefined) throw new Error(`no outcome of ${message} where ${state}`);
      return [message, state, outcome, make, payload];
    }),
  );
}

describe('what a client says of a relayed channel', () => {
  it.each(rows({ ...UNSTARTED, ...STARTED }, OF_CLIENT, CLIENT_OUTCOMES))(
    '%s, when %s: %s',
    async (_message, _state, outcome, make, payload) => {
      const world = await make();
      world.outcome();
      await world.says(world.client, payload);
      expect(world.outcome().join(', ')).toBe(outcome);
      expect(world.client.ends).toEqual([]);
    },
  );
});

describe('what a target says of it', () => {
  it.each(rows(STARTED, OF_TARGET, TARGET_OUTCOMES))(
    '%s, when %s: %s',
    async (_message, _state, outcome, make, payload) => {
      const world = await make();
      world.outcome();
      await world.says(world.target, payload);
      expect(world.outcome().join(', ')).toBe(outcome);
      expect(world.target.ends).toEqual(outcome === CUT ? ['reset'] : []);
    },
  );
});
