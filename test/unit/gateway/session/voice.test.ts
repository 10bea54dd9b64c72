import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  NOTICE_PROTOCOL_WAIT_MS,
  NOTICE_SHOWN_MS,
  NOTICE_WAIT_MS,
  NOTICES_WAITING_MAX,
} from '../../../../src/gateway/limits.ts';
import { CONTROL_MODE, CONTROL_MODE_OVER, controlNotice } from '../../../../src/gateway/session/control-mode.ts';
import { Screen } from '../../../../src/gateway/session/screen.ts';
import { Voice } from '../../../../src/gateway/session/voice.ts';
import type { Stream } from '../../../../src/gateway/ssh/channel.ts';
import { readSize, type Terminal } from '../../../../src/gateway/ssh/channel-requests.ts';
import { saying } from '../../../support/peers/channel-words.ts';
import { ChannelTableWorld } from '../../../support/worlds/channel-table-world.ts';

const ESC = '\x1b';
const TERMINAL: Terminal = { columns: 80, rows: 24, width: 0, height: 0, term: 'xterm', modes: '' };
const WORDS = 'something happens';
const ROOM = 10_000;
type Output = string | Buffer;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A voice, what it said so far, and whether there is room to say it. */
class World {
  readonly voice = new Voice();
  readonly said: { readonly stream: Stream; readonly text: string }[] = [];
  room = ROOM;

  constructor(terminal: Terminal | null, ...output: readonly Output[]) {
    if (terminal) this.voice.terminal = terminal;
    for (const each of output) this.hear(each);
  }

  hear(output: Output, stream: Stream = 'stdout'): void {
    this.voice.heard(stream, Buffer.from(output));
  }

  /** As its channel does it: one line each time that it is asked. */
  readonly speak = (): void => {
    const line = this.voice.next(this.room);
    if (line) this.said.push({ stream: line.stream, text: line.bytes.toString() });
  };

  add(sentence = WORDS): void {
    this.voice.add(sentence, this.speak);
  }
}

/** When a line is said: at once, after a moment although it stands badly, or after half a minute. */
const WHEN = {
  'at once': 0,
  'after a moment': NOTICE_WAIT_MS,
  'after half a minute': NOTICE_PROTOCOL_WAIT_MS,
} as const;
type When = keyof typeof WHEN;

const CONTROL = `${ESC}P${CONTROL_MODE}`;
const PLACES: readonly (readonly [string, Terminal | null, readonly Output[], When])[] = [
  ['without a terminal', null, [], 'at once'],
  ['without a terminal, whatever is printed', null, [`${ESC}[3`], 'at once'],
  ['on a terminal that shows nothing yet', TERMINAL, [], 'at once'],
  ['at a prompt', TERMINAL, ['$ '], 'at once'],
  ['in the middle of a word', TERMINAL, ['half a wo'], 'at once'],
  ['in the middle of a sequence', TERMINAL, [`${ESC}[3`], 'after a moment'],
  ['in the middle of a character', TERMINAL, [Buffer.from('é').subarray(0, 1)], 'after a moment'],
  ['in the middle of a title', TERMINAL, [`${ESC}]0;title`], 'after a moment'],
  ['over a full screen', TERMINAL, [`${ESC}[?1049h`], 'at once'],
  ['in control mode, between two lines', TERMINAL, [CONTROL, '%output %1 x\r\n'], 'at once'],
  ['in control mode, within a line', TERMINAL, [CONTROL, '%output %1 x'], 'after half a minute'],
  ['in control mode, within a block', TERMINAL, [CONTROL, '%begin 1 2 0\r\nx\r\n'], 'after half a minute'],
  ['after control mode', TERMINAL, [CONTROL, `%exit\r\n${ESC}\\$ `], 'at once'],
];

describe('something to say', () => {
  it.each(PLACES)('%s', (_place, terminal, output, when) => {
    const world = new World(terminal, ...output);
    world.add();
    expect(world.said).toHaveLength(when === 'at once' ? 1 : 0);
    if (when !== 'at once') {
      vi.advanceTimersByTime(WHEN[when] - 1);
      expect(world.said).toHaveLength(0);
      vi.advanceTimersByTime(1);
    }
    expect(world.said).toHaveLength(1);
    vi.advanceTimersByTime(NOTICE_PROTOCOL_WAIT_MS);
    expect(world.said).toHaveLength(1);
  });

  it.each(PLACES)('%s says the sentence, on stderr only where there is no terminal', (_place, terminal, output) => {
    const world = new World(terminal, ...output);
    world.add();
    vi.advanceTimersByTime(NOTICE_PROTOCOL_WAIT_MS);
    const screen = new Screen();
    for (const each of output) screen.output(Buffer.from(each));
    const shown = terminal ? screen.notice(WORDS, terminal).toString() : `daypass: ${WORDS}\n`;
    expect(world.said).toEqual([{ stream: terminal ? 'stdout' : 'stderr', text: shown }]);
  });

  it('is said as soon as a place for it comes', () => {
    const world = new World(TERMINAL, `${ESC}[3`);
    world.add();
    world.hear('1m');
    world.speak();
    expect(world.said).toHaveLength(1);
  });

  it('waits for room, however long that takes, and is said whole', () => {
    const world = new World(null);
    world.room = `daypass: ${WORDS}\n`.length - 1;
    world.add();
    vi.advanceTimersByTime(NOTICE_PROTOCOL_WAIT_MS);
    world.speak();
    expect(world.said).toEqual([]);
    world.room += 1;
    world.speak();
    expect(world.said).toEqual([{ stream: 'stderr', text: `daypass: ${WORDS}\n` }]);
  });

  it('is a line each, in order', () => {
    const world = new World(null);
    world.room = 0;
    for (const each of ['one', 'two', 'three']) world.add(each);
    world.room = ROOM;
    for (let n = 0; n < 5; n += 1) world.speak();
    expect(world.said.map(({ text }) => text)).toEqual(['one', 'two', 'three'].map((each) => `daypass: ${each}\n`));
  });

  it('is no more than may wait, and there is room again once some was said', () => {
    const world = new World(null);
    world.room = 0;
    for (let n = 0; n <= NOTICES_WAITING_MAX; n += 1) world.add(`notice ${n}`);
    world.room = ROOM;
    for (let n = 0; n < 2 * NOTICES_WAITING_MAX; n += 1) world.speak();
    expect(world.said).toHaveLength(NOTICES_WAITING_MAX);
    expect(world.said.at(-1)?.text).toBe(`daypass: notice ${NOTICES_WAITING_MAX - 1}\n`);
    world.add('later');
    expect(world.said).toHaveLength(NOTICES_WAITING_MAX + 1);
  });

  it('begins to wait when it is added, not when the one before it was', () => {
    const world = new World(TERMINAL, `${ESC}[3`);
    world.add('one');
    vi.advanceTimersByTime(NOTICE_WAIT_MS / 2);
    world.add('two');
    vi.advanceTimersByTime(NOTICE_WAIT_MS / 2);
    expect(world.said).toHaveLength(1);
    world.speak();
    expect(world.said).toHaveLength(1);
    vi.advanceTimersByTime(NOTICE_WAIT_MS / 2);
    expect(world.said).toHaveLength(2);
  });

  it('on a terminal that comes later stands on it', () => {
    const world = new World(null);
    world.room = 0;
    world.add();
    world.voice.terminal = TERMINAL;
    world.room = ROOM;
    world.speak();
    expect(world.said).toEqual([{ stream: 'stdout', text: new Screen().notice(WORDS, TERMINAL).toString() }]);
  });

  it('finds its place by stdout alone', () => {
    const world = new World(TERMINAL);
    world.hear(`${ESC}[3`, 'stderr');
    world.add();
    expect(world.said).toHaveLength(1);
  });

  it('in control mode is a notification of it', () => {
    const world = new World(TERMINAL, CONTROL);
    world.add();
    expect(world.said[0]?.text).toBe(controlNotice(WORDS));
  });
});

describe('the last thing to say', () => {
  const last = (world: World) => {
    const { stream, bytes } = world.voice.last(WORDS);
    return { stream, text: bytes.toString() };
  };

  it('is said at once, on stderr where there is no terminal', () => {
    expect(last(new World(null))).toEqual({ stream: 'stderr', text: `daypass: ${WORDS}\n` });
  });

  it.each([
    ['at a prompt', ['$ ']],
    ['in the middle of a sequence', [`${ESC}[3`]],
    ['over a full screen', [`${ESC}[?1049h`]],
    ['in control mode', [CONTROL, '%begin 1 2 0\r\n']],
  ])('on a terminal leaves that as a person can use it: %s', (_place, output) => {
    const screen = new Screen();
    for (const each of output) screen.output(Buffer.from(each));
    const { stream, text } = last(new World(TERMINAL, ...output));
    expect({ stream, text }).toEqual({ stream: 'stdout', text: screen.farewell(WORDS).toString() });
    expect(text.startsWith(CONTROL_MODE_OVER)).toBe(output.includes(CONTROL));
  });
});

describe('what a notice covered of a full screen', () => {
  /** The sizes that the program is told, by when. */
  function redrawn(output: string, terminal: Terminal | null = TERMINAL, resized: Terminal | null = null) {
    const target = new ChannelTableWorld();
    target.wire.say(saying.open(7));
    target.wire.taken();
    const world = new World(terminal, output);
    world.voice.redrawLater(target.first);
    if (resized) world.voice.terminal = resized;
    const sizes = (ms: number) => {
      vi.advanceTimersByTime(ms);
      return target.wire.taken().map((payload) => readSize(payload.subarray(1 + 4 + 4 + 'window-change'.length + 1)));
    };
    return [sizes(NOTICE_SHOWN_MS - 1), sizes(1), sizes(NOTICE_WAIT_MS), sizes(NOTICE_PROTOCOL_WAIT_MS)];
  }

  const size = (rows: number, columns = 80) => [{ columns, rows, width: 0, height: 0 }];

  it('is drawn again after a while, by a size that changes and changes back', () => {
    expect(redrawn(`${ESC}[?1049h`)).toEqual([[], size(23), size(24), []]);
  });

  it('is drawn again at the size that the terminal has by then', () => {
    const resized = { ...TERMINAL, columns: 100, rows: 50 };
    expect(redrawn(`${ESC}[?1049h`, TERMINAL, resized)).toEqual([[], size(23, 100), size(50, 100), []]);
  });

  it('of one row stays one row', () => {
    expect(redrawn(`${ESC}[?1049h`, { ...TERMINAL, rows: 1 })).toEqual([[], size(1), size(1), []]);
  });

  it.each([
    ['where no program draws a full screen', '$ ', TERMINAL],
    ['in control mode', `${ESC}[?1049h${CONTROL}`, TERMINAL],
    ['where there is no terminal', `${ESC}[?1049h`, null],
  ])('is not there %s', (_where, output, terminal) => {
    expect(redrawn(output, terminal)).toEqual([[], [], [], []]);
  });
});
