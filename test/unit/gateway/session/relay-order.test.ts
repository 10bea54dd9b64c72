import { describe, expect, it } from 'vitest';
import { PACKET_MAX, WINDOW } from '../../../../src/gateway/limits.ts';
import { OPEN_FAILURE } from '../../../../src/gateway/ssh/messages.ts';
import { encode, string, uint8 } from '../../../../src/sshwire/bytes.ts';
import { saying } from '../../../support/peers/channel-words.ts';
import { RelayWorld, TARGET } from '../../../support/worlds/relay-world.ts';

const STATUS = saying.exitStatus(0, 3);
const SIGNAL = saying.tell(0, 'exit-signal', encode(string('TERM'), uint8(0), string(''), string('')));
const EOF = saying.eof(0);
const CLOSE = saying.close(0);
const said = (text: string): Uint8Array => saying.data(0, text);

/** The end of a channel, to the client. */
const CLIENT_END = ['client EOF 7', 'client CLOSE 7'];
const EXIT_STATUS = 'client REQUEST 7 exit-status';
const EXIT_SIGNAL = 'client REQUEST 7 exit-signal';
const FINISHED_3 = ['recorder finish {"kind":"status","code":3}', 'over {"kind":"status","code":3}'];
const FINISHED_TERM = ['recorder finish {"kind":"signal","name":"TERM"}', 'over {"kind":"signal","name":"TERM"}'];
const FINISHED = ['recorder finish null', 'over null'];

/** What the target says as its program ends, what the client gets of it, and what is recorded. */
const ENDINGS: readonly (readonly [string, readonly Uint8Array[], readonly string[], readonly string[]])[] = [
  ['status, EOF, CLOSE', [STATUS, EOF, CLOSE], [EXIT_STATUS, ...CLIENT_END], FINISHED_3],
  ['EOF, status, CLOSE', [EOF, STATUS, CLOSE], ['client EOF 7', EXIT_STATUS, 'client CLOSE 7'], FINISHED_3],
  ['status, CLOSE', [STATUS, CLOSE], [EXIT_STATUS, ...CLIENT_END], FINISHED_3],
  ['signal, EOF, CLOSE', [SIGNAL, EOF, CLOSE], [EXIT_SIGNAL, ...CLIENT_END], FINISHED_TERM],
  ['signal, status, CLOSE', [SIGNAL, STATUS, CLOSE], [EXIT_SIGNAL, ...CLIENT_END], FINISHED_TERM],
  ['status twice, CLOSE', [STATUS, saying.exitStatus(0, 4), CLOSE], [EXIT_STATUS, ...CLIENT_END], FINISHED_3],
  ['EOF, CLOSE', [EOF, CLOSE], CLIENT_END, FINISHED],
  ['CLOSE', [CLOSE], CLIENT_END, FINISHED],
  ['a status that cannot be read, CLOSE', [saying.tell(0, 'exit-status'), CLOSE], CLIENT_END, FINISHED],
];
/** What the target got of its end. */
const isOfClient = (line: string): boolean => line.startsWith('client ');

describe('the end of a program', () => {
  it.each(ENDINGS)('said as %s is told once, in its order, and recorded', async (_how, messages, told, recorded) => {
    const world = await RelayWorld.running();
    await world.says(world.target, ...messages);
    const lines = world.outcome();
    expect(lines.filter(isOfClient)).toEqual(told);
    expect(lines.filter((line) => !isOfClient(line))).toEqual(['target CLOSE 5']);
    await world.says(world.client, CLOSE);
    expect(world.outcome()).toEqual(recorded);
  });

  it.each(ENDINGS)('said as %s comes after all output, however long that waits', async (_how, messages, told) => {
    const late = await RelayWorld.running({ window: 1 });
    await late.says(late.target, said('one'), saying.extended(0, 'two'), ...messages);
    expect(late.outcome().filter(isOfClient)).toEqual(['client DATA 7 o']);
    await late.says(late.client, saying.adjust(0, 100));
    const all = ['client DATA 7 ne', 'client EXTENDED 7 1 two'];
    const exits = told.filter((line) => line.includes('exit-'));
    expect(late.outcome().filter(isOfClient)).toEqual([...all, ...exits, ...CLIENT_END]);
  });

  it.each(ENDINGS)('said as %s comes after all output that the recorder has yet to take', async (_how, messages) => {
    const world = await RelayWorld.running();
    world.recorder.isFull = true;
    await world.says(world.target, said('one'), ...messages);
    expect(world.outcome().filter(isOfClient)).toEqual([]);
    world.recorder.makeRoom();
    await world.settle();
    const lines = world.outcome();
    expect(lines.slice(0, 2)).toEqual(['recorder stdout one', 'client DATA 7 one']);
    expect(lines.filter(isOfClient).slice(-2)).toEqual(CLIENT_END);
  });

  it('is 254 where the target refuses to start it, with a sentence', async () => {
    const world = new RelayWorld();
    await world.asks();
    await world.recorderComes();
    await world.targetComes();
    world.outcome();
    await world.says(world.target, saying.failure(0));
    expect(world.outcome()).toEqual([
      'recorder stderr daypass: the target refused to start this. Ask its owner.\n',
      'client EXTENDED 7 1 daypass: the target refused to start this. Ask its owner.\n',
      ...[EXIT_STATUS, ...CLIENT_END, 'target CLOSE 5'],
    ]);
  });

  it('is a sentence where the target opens no channel', async () => {
    const world = new RelayWorld();
    await world.asks();
    await world.recorderComes();
    world.outcome();
    await world.says(world.target, saying.refuse(0, OPEN_FAILURE.CONNECT_FAILED));
    expect(world.outcome()).toEqual([
      'recorder stderr daypass: the target opened no channel.\n',
      'client EXTENDED 7 1 daypass: the target opened no channel.\n',
      ...[EXIT_STATUS, ...CLIENT_END],
    ]);
    await world.says(world.client, CLOSE);
    expect(world.outcome()).toEqual(FINISHED);
  });
});

describe('a channel that both close', () => {
  it.each<readonly [string, (world: RelayWorld) => void]>([
    ['the client first', (world) => [world.client.say(CLOSE), world.target.say(CLOSE)]],
    ['the target first', (world) => [world.target.say(CLOSE), world.client.say(CLOSE)]],
  ])('%s, at the same moment, is over once, and each side gets one CLOSE', async (_who, close) => {
    const world = await RelayWorld.running();
    close(world);
    await world.settle();
    const lines = world.outcome();
    expect(lines.filter((line) => line.includes('CLOSE')).toSorted()).toEqual(['client CLOSE 7', 'target CLOSE 5']);
    expect(lines.slice(-2)).toEqual(FINISHED);
  });

  it('is closed at the target, and starts nothing there, where the client closed it before that was there', async () => {
    const world = new RelayWorld();
    await world.asks();
    await world.recorderComes();
    await world.says(world.client, CLOSE);
    world.outcome();
    await world.targetComes();
    expect(world.outcome()).toEqual(['target CLOSE 5']);
  });

  it('is told to the client where the target closed it in one piece with its confirmation', async () => {
    const world = new RelayWorld();
    await world.asks();
    await world.recorderComes();
    world.outcome();
    await world.says(world.target, saying.confirm(0, TARGET), EOF, CLOSE);
    expect(world.outcome()).toEqual(['target CLOSE 5', ...CLIENT_END]);
  });

  it('has the end of the output of a target that ended it in one piece with its confirmation', async () => {
    const world = new RelayWorld();
    await world.asks();
    await world.recorderComes();
    world.outcome();
    await world.says(world.target, saying.confirm(0, TARGET), EOF);
    expect(world.outcome()).toEqual(['target REQUEST 5 exec?', 'client EOF 7']);
  });

  it('is over where its recorder comes only after the client has closed it', async () => {
    const world = new RelayWorld();
    await world.asks();
    await world.targetComes();
    await world.says(world.client, said('never'), CLOSE);
    await world.says(world.target, CLOSE);
    world.outcome();
    await world.recorderComes();
    expect(world.outcome()).toEqual(FINISHED);
  });

  it('drops what waits for a client that has gone, and gives its sender the room back', async () => {
    const world = await RelayWorld.running({ window: 0 });
    const packet = said('x'.repeat(PACKET_MAX));
    await world.says(world.target, ...Array<Uint8Array>(WINDOW / PACKET_MAX / 2).fill(packet));
    expect(world.outcome()).toEqual([]);
    await world.says(world.client, CLOSE);
    expect(world.outcome()).toEqual([`target ADJUST 5 ${WINDOW / 2}`, 'target CLOSE 5']);
  });

  it('drops what waits for a target whose client has gone, which is closed at once', async () => {
    const world = await RelayWorld.running({ targetWindow: 1 });
    await world.says(world.client, said('typed'));
    world.outcome();
    await world.says(world.client, CLOSE);
    expect(world.outcome()).toEqual(['target CLOSE 5']);
  });

  it('takes on what its client says to a target that has gone, while output waits', async () => {
    const world = await RelayWorld.running({ window: 0, targetWindow: 0 });
    const packet = said('x'.repeat(PACKET_MAX));
    await world.says(world.client, ...Array<Uint8Array>(WINDOW / PACKET_MAX / 2).fill(packet));
    await world.says(world.target, said('last'));
    expect(world.outcome()).toEqual([]);
    await world.says(world.target, CLOSE);
    expect(world.outcome()).toEqual([`client ADJUST 7 ${WINDOW / 2}`, 'target CLOSE 5']);
  });

  it('drops what waits for a target that has gone', async () => {
    const world = await RelayWorld.running({ targetWindow: 1 });
    await world.says(world.client, said('typed'));
    expect(world.outcome()).toEqual(['recorder input t', 'target DATA 5 t']);
    await world.says(world.target, CLOSE);
    expect(world.outcome()).toEqual([...CLIENT_END, 'target CLOSE 5']);
    await world.says(world.client, said('more'), CLOSE);
    expect(world.outcome()).toEqual(FINISHED);
  });
});

describe('a channel of which one side has ended its data', () => {
  it('brings the client the output, whose input is over', async () => {
    const world = await RelayWorld.running();
    await world.says(world.client, said('in'), EOF);
    expect(world.outcome()).toEqual(['recorder input in', 'target DATA 5 in', 'target EOF 5']);
    await world.says(world.target, said('out'), STATUS, EOF, CLOSE);
    expect(world.outcome()).toEqual([
      ...['recorder stdout out', 'client DATA 7 out', EXIT_STATUS, ...CLIENT_END, 'target CLOSE 5'],
    ]);
  });

  it('brings the target the input, whose output is over', async () => {
    const world = await RelayWorld.running();
    await world.says(world.target, EOF);
    await world.says(world.client, said('in'), EOF);
    expect(world.outcome()).toEqual(['client EOF 7', 'recorder input in', 'target DATA 5 in', 'target EOF 5']);
  });

  it('says that the input is over once all of it has gone on', async () => {
    const world = await RelayWorld.running({ targetWindow: 1 });
    await world.says(world.client, said('abc'), EOF);
    expect(world.outcome()).toEqual(['recorder input a', 'target DATA 5 a']);
    await world.says(world.target, saying.adjust(0, 2));
    expect(world.outcome()).toEqual(['recorder input bc', 'target DATA 5 bc', 'target EOF 5']);
  });
});

describe('what a side may send', () => {
  const half = Array<Uint8Array>(WINDOW / PACKET_MAX / 2).fill(said('x'.repeat(PACKET_MAX)));
  const adjusts = (world: RelayWorld): string[] => world.outcome().filter((line) => line.includes('ADJUST'));

  it.each(['client', 'target'] as const)(
    'is as much again once it has gone on, and the %s hears of it',
    async (who) => {
      const world = await RelayWorld.running();
      world.recorder.isFull = true;
      await world.says(world[who], ...half);
      expect(adjusts(world)).toEqual([]);
      world.recorder.makeRoom();
      await world.settle();
      expect(adjusts(world)).toEqual([`${who} ADJUST ${who === 'client' ? 7 : 5} ${WINDOW / 2}`]);
    },
  );

  it.each(['client', 'target'] as const)('is cut where the %s sends more, whatever waits', async (who) => {
    const world = await RelayWorld.running();
    world.recorder.isFull = true;
    await world.says(world[who], ...half, ...half);
    expect(world[who].ends).toEqual([]);
    await world.says(world[who], said('x'));
    expect(world[who].ends).toEqual(['reset']);
  });
});

it('what a client tells the program waits while its target’s TCP takes nothing', async () => {
  const world = await RelayWorld.running();
  world.target.takes(0);
  await world.says(world.client, saying.tell(0, 'signal', string('INT')));
  expect(world.outcome()).toEqual([]);
  world.target.takes(1);
  expect(world.outcome()).toEqual(['recorder note {"what":"signal","name":"INT"}', 'target REQUEST 5 signal']);
});

describe('a recorder that has failed', () => {
  it.each<readonly [string, 'client' | 'target', Uint8Array]>([
    ['input', 'client', said('x')],
    ['a signal', 'client', saying.tell(0, 'signal', string('INT'))],
    ['output', 'target', said('y')],
    ['output on stderr', 'target', saying.extended(0, 'y')],
  ])('lets nothing through: %s', async (_what, who, payload) => {
    const world = await RelayWorld.running();
    world.recorder.hasFailed = true;
    for (let time = 0; time < 2; time += 1) expect(() => world[who].say(payload)).toThrow('the recording has failed');
    await world.settle();
    expect(world.outcome()).toEqual([]);
  });
});
