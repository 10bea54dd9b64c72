import { describe, expect, it } from 'vitest';
import { ClientAsks } from '../../../../src/gateway/session/client-asks.ts';
import { TargetRequests } from '../../../../src/gateway/session/target-requests.ts';
import type { Channel } from '../../../../src/gateway/ssh/channel.ts';
import type { Size } from '../../../../src/gateway/ssh/channel-requests.ts';
import type { ChannelRecorder } from '../../../../src/recording/write/channel-recorder.ts';
import type { Fact } from '../../../../src/recording/write/recorder-messages.ts';
import { encode, string, uint8, uint32 } from '../../../../src/sshwire/bytes.ts';
import { scope } from '../../../support/samples/samples.ts';

type Event = readonly ['recorded' | 'asked', string, ...unknown[]];

/** A client's requests, up to the target and the recorder, which both can be made to take nothing. */
function asking() {
  const events: Event[] = [];
  const refused: string[] = [];
  const channel = {
    isCongested: false,
    request: (name: string, _wantReply: boolean, data: Uint8Array) =>
      void events.push(['asked', name, Buffer.from(data).toString('hex')]),
  };
  const recorder = {
    resize: (size: Size) => void events.push(['recorded', 'resize', size]),
    note: ({ what, ...fact }: Fact) => void events.push(['recorded', what, fact]),
  };
  const gate = { isOpen: true, recorder: recorder as unknown as ChannelRecorder };
  const requests = new TargetRequests(gate);
  const asks = new ClientAsks({
    scope: scope('shell'),
    forward: (request) => requests.forward(request),
    terminal() {},
    refused: (sentence) => void refused.push(sentence),
    notice() {},
  });
  const start = (name: string, data: Buffer = Buffer.alloc(0)): void => {
    expect(asks.take(name, data)).toBe(true);
    for (const request of asks.start) requests.forward(request);
    requests.connect(channel as unknown as Channel);
  };
  return { asks, requests, channel, gate, events, refused, start };
}

const MORE = Buffer.from('; cat /etc/shadow');
const followed = (...fields: Uint8Array[]): Buffer => Buffer.concat([...fields, MORE]);
const hex = (...fields: Uint8Array[]): string => Buffer.from(encode(...fields)).toString('hex');
const size = (...numbers: number[]): Uint8Array => encode(...numbers.map(uint32));

describe('what a client asks of a channel', () => {
  it('goes on to the target as the recording has it, and nothing that came behind it', () => {
    const { asks, events, start } = asking();
    const modes = encode(uint8(53), uint32(1), uint8(0));
    const terminal = [string('xterm'), size(60_000, 24, 0x1_0000, 9), string(encode(modes, MORE))];
    expect(asks.take('pty-req', followed(...terminal))).toBe(true);
    expect(asks.take('env', followed(string('LANG'), string('C')))).toBe(true);
    start('exec', followed(string('stty size')));
    for (const [name, data] of [
      ['window-change', followed(size(20_000, 30, 0x4142_4344, 7))],
      ['signal', followed(string('INT'))],
      ['break', followed(uint32(500))],
      ['eow@openssh.com', MORE],
      ['eow@openssh.com', MORE],
    ] as const)
      expect(asks.take(name, data)).toBe(true);
    expect(events).toEqual([
      ['asked', 'pty-req', hex(string('xterm'), size(10_000, 24, 0xffff, 9), string(modes))],
      ['asked', 'env', hex(string('LANG'), string('C'))],
      ['asked', 'exec', hex(string('stty size'))],
      ['recorded', 'resize', { columns: 10_000, rows: 30, width: 0xffff, height: 7 }],
      ['asked', 'window-change', hex(size(10_000, 30, 0xffff, 7))],
      ['recorded', 'signal', { name: 'INT' }],
      ['asked', 'signal', hex(string('INT'))],
      ['recorded', 'break', { milliseconds: 500 }],
      ['asked', 'break', hex(uint32(500))],
      ['asked', 'eow@openssh.com', ''],
    ]);
    expect(asks.terminal).toMatchObject({ columns: 10_000, rows: 30, width: 0xffff, height: 7, modes: '350000000100' });
  });

  it('starts a shell with nothing behind it, and a subsystem by its name', () => {
    for (const [name, data, asked] of [
      ['shell', MORE, ''],
      ['subsystem', followed(string('sftp')), hex(string('sftp'))],
    ] as const) {
      const { events, start } = asking();
      start(name, data);
      expect(events).toEqual([['asked', name, asked]]);
    }
  });

  it('gives the target one size, the last that there was before the start', () => {
    const { asks, events, start } = asking();
    asks.take('pty-req', Buffer.from(encode(string('xterm'), size(80, 24, 1, 2), string(''))));
    for (let n = 0; n < 100; n += 1) asks.take('window-change', Buffer.from(size(n, n, n, n)));
    start('shell');
    expect(events).toEqual([
      ['asked', 'pty-req', hex(string('xterm'), size(99, 99, 99, 99), string(''))],
      ['asked', 'shell', ''],
    ]);
  });

  it.each([
    ['the recorder takes nothing', 'recorder'],
    ['the target reads nothing', 'target'],
  ])('waits while %s, and of sizes the last one goes on', (_name, which) => {
    const { asks, requests, channel, gate, events, start } = asking();
    asks.take('pty-req', Buffer.from(encode(string('xterm'), size(80, 24, 0, 0), string(''))));
    start('shell');
    events.length = 0;
    if (which === 'recorder') gate.isOpen = false;
    else channel.isCongested = true;
    for (let n = 1; n <= 1_000; n += 1) asks.take('window-change', Buffer.from(size(n, n, n, n)));
    for (let n = 1; n <= 1_000; n += 1) asks.take('signal', Buffer.from(string('USR1')));
    requests.flush();
    expect(events).toEqual([]);
    gate.isOpen = true;
    channel.isCongested = false;
    requests.flush();
    expect(events.slice(0, 3)).toEqual([
      ['recorded', 'resize', { columns: 1_000, rows: 1_000, width: 1_000, height: 1_000 }],
      ['asked', 'window-change', hex(size(1_000, 1_000, 1_000, 1_000))],
      ['recorded', 'signal', { name: 'USR1' }],
    ]);
    // What could not wait is neither here nor there.
    const recorded = events.filter(([what]) => what === 'recorded');
    expect(recorded.length).toBeLessThan(100);
    expect(events).toHaveLength(2 * recorded.length);
  });

  it('is no terminal where its modes cannot be read, which is said', () => {
    const { asks, refused, start, events } = asking();
    const broken = encode(string('xterm'), size(80, 24, 0, 0), string(encode(uint8(53), uint8(1))));
    expect(asks.take('pty-req', Buffer.from(broken))).toBe(false);
    expect(refused).toEqual([expect.stringMatching(/modes cannot be read/)]);
    start('shell');
    expect(events).toEqual([['asked', 'shell', '']]);
  });

  it('is nothing where it cannot be read, or comes before the start', () => {
    const { asks, events, start } = asking();
    const all = [
      ['signal', Buffer.from(string('INT'))],
      ['break', Buffer.from(uint32(1))],
      ['eow@openssh.com', Buffer.alloc(0)],
    ] as const;
    for (const [name, data] of all) expect(asks.take(name, data)).toBe(false);
    start('shell');
    events.length = 0;
    expect(asks.take('signal', Buffer.from([0, 0, 0, 9]))).toBe(false);
    expect(asks.take('break', Buffer.alloc(0))).toBe(false);
    asks.take('window-change', Buffer.from(size(1, 1, 1, 1)));
    expect(events).toEqual([]);
  });
});
