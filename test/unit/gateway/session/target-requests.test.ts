import { describe, expect, it } from 'vitest';
import { ENVIRONMENT_MAX } from '../../../../src/gateway/limits.ts';
import { type TargetRequest, TargetRequests } from '../../../../src/gateway/session/target-requests.ts';
import type { Channel } from '../../../../src/gateway/ssh/channel.ts';
import type { ChannelRecorder } from '../../../../src/recording/write/channel-recorder.ts';
import { encode, string, uint8, uint32 } from '../../../../src/sshwire/bytes.ts';

/** What goes to a target, and what is written down, in their order. */
function asking(hasRecorder = true) {
  const events: unknown[] = [];
  const channel = {
    isCongested: false,
    request: (name: string, wantsReply: boolean, data: Buffer) => void events.push([name, wantsReply, `${data}`]),
  };
  const recorder = { note: (what: string) => void events.push(['noted', what]) };
  const gate = { isOpen: true, recorder: hasRecorder ? (recorder as unknown as ChannelRecorder) : null };
  const requests = new TargetRequests(gate);
  const connect = (): void => requests.connect(channel as unknown as Channel);
  return { events, channel, gate, requests, connect };
}

const noting =
  (name: string): TargetRequest['record'] =>
  (recorder) =>
    (recorder as unknown as { note(what: string): void }).note(name);
const request = (name: string, data = '', change: Partial<TargetRequest> = {}): TargetRequest => ({
  ...{ name, data: Buffer.from(data), expects: null, record: null },
  ...change,
});

describe('what is asked of a target', () => {
  it('waits until it is connected, and then goes in its order', () => {
    const { events, requests, connect } = asking();
    requests.forward(request('pty-req', 'a', { expects: 'pty' }));
    requests.forward(request('shell', 'b', { expects: 'start' }));
    requests.flush();
    expect(events).toEqual([]);
    connect();
    requests.forward(request('signal', 'c', { record: noting('signal') }));
    expect(events).toEqual([
      ['pty-req', true, 'a'],
      ['shell', true, 'b'],
      ['noted', 'signal'],
      ['signal', false, 'c'],
    ]);
    requests.flush();
    expect(events).toHaveLength(4);
  });

  it.each([
    ['the recorder takes nothing', { isOpen: false }, false],
    ['the target reads nothing', { isOpen: true }, true],
  ])('waits while %s, but for what the recording has already', (_what, { isOpen }, isCongested) => {
    const { events, channel, gate, requests, connect } = asking();
    connect();
    gate.isOpen = isOpen;
    channel.isCongested = isCongested;
    requests.forward(request('shell'));
    requests.forward(request('signal', '', { record: noting('signal') }));
    requests.forward(request('break'));
    expect(events).toEqual([['shell', false, '']]);
    gate.isOpen = true;
    channel.isCongested = false;
    requests.flush();
    expect(events.slice(1)).toEqual([
      ['noted', 'signal'],
      ['signal', false, ''],
      ['break', false, ''],
    ]);
  });

  it('goes on unwritten where nothing is recorded', () => {
    const { events, requests, connect } = asking(false);
    connect();
    requests.forward(request('signal', '', { record: noting('signal') }));
    expect(events).toEqual([['signal', false, '']]);
  });

  it('is of sizes that follow each other the last, and of all others each', () => {
    const { events, requests, connect } = asking();
    for (const [name, data] of [
      ['window-change', '1'],
      ['window-change', '2'],
      ['signal', '3'],
      ['signal', '4'],
      ['window-change', '5'],
      ['window-change', '6'],
    ] as const) {
      requests.forward(request(name, data));
    }
    connect();
    expect(events).toEqual([
      ['window-change', false, '2'],
      ['signal', false, '3'],
      ['signal', false, '4'],
      ['window-change', false, '6'],
    ]);
  });

  it('is not kept beyond a number', () => {
    const { events, requests, connect } = asking();
    for (let n = 0; n < ENVIRONMENT_MAX + 33; n += 1) requests.forward(request('signal', `${n}`));
    connect();
    expect(events).toHaveLength(ENVIRONMENT_MAX + 32);
    expect(events.at(-1)).toEqual(['signal', false, `${ENVIRONMENT_MAX + 31}`]);
  });

  it('is told apart where it was refused', () => {
    const { requests, connect } = asking();
    connect();
    for (const expects of ['pty', 'start', 'start', null] as const) requests.forward(request('x', '', { expects }));
    expect([false, true, false, false, true].map((isSuccess) => requests.replied(isSuccess))).toEqual([
      ...['pty', null, 'start', null, null],
    ]);
  });
});

describe('the end of a program', () => {
  const status = (code: number): Buffer => Buffer.from(uint32(code));
  const signal = (name: string, core = 0): Buffer =>
    Buffer.from(encode(string(name), uint8(core), string('words'), string('')));

  function ended(...told: (readonly ['exit-status' | 'exit-signal', Buffer])[]) {
    const { requests } = asking();
    for (const [name, data] of told) requests.ended(name, data);
    const heard: unknown[] = [];
    const client = {
      exitStatus: (code: number) => void heard.push(code),
      exitSignal: (value: unknown) => void heard.push(value),
    } as unknown as Channel;
    requests.tellExit(client);
    requests.tellExit(client);
    return { exit: requests.exit, heard };
  }

  it.each<[string, (readonly ['exit-status' | 'exit-signal', Buffer])[], unknown, unknown[]]>([
    ['is not known', [], null, []],
    ['is its status', [['exit-status', status(3)]], { kind: 'status', code: 3 }, [3]],
    ['is its status, zero as well', [['exit-status', status(0)]], { kind: 'status', code: 0 }, [0]],
    [
      'is a signal',
      [['exit-signal', signal('TERM', 1)]],
      { kind: 'signal', name: 'TERM' },
      [{ name: 'TERM', isCoreDumped: true }],
    ],
    [
      'is the first of several',
      [
        ['exit-status', status(1)],
        ['exit-signal', signal('HUP')],
        ['exit-status', status(2)],
      ],
      { kind: 'status', code: 1 },
      [1],
    ],
    [
      'is the first that can be read',
      [
        ['exit-status', status(1).subarray(1)],
        ['exit-signal', Buffer.alloc(3)],
        ['exit-signal', signal('HUP')],
      ],
      { kind: 'signal', name: 'HUP' },
      [{ name: 'HUP', isCoreDumped: false }],
    ],
  ])('%s, and the client hears it once', (_what, told, exit, heard) => {
    expect(ended(...told)).toEqual({ exit, heard });
  });
});
