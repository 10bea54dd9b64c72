import { describe, expect, it } from 'vitest';
import { deferred } from '../../../../src/gateway/deferred.ts';
import { Relay } from '../../../../src/gateway/session/relay.ts';
import type { Channel, ChannelListener, Stream } from '../../../../src/gateway/ssh/channel.ts';
import type { Size } from '../../../../src/gateway/ssh/channel-requests.ts';
import type { ChannelRecorder } from '../../../../src/recording/write/channel-recorder.ts';
import type { Fact } from '../../../../src/recording/write/recorder-messages.ts';
import { encode, string, uint32 } from '../../../../src/sshwire/bytes.ts';
import { scope } from '../../../support/samples/samples.ts';

/** One side of a channel, as far as a relay looks at it. */
class Peer {
  readonly asked: string[] = [];
  readonly got: string[] = [];
  /** Both, in their order. */
  readonly all: string[] = [];
  listener: ChannelListener | null = null;
  readonly room = 1e9;
  isClosed = false;
  hasSentClose = false;
  readonly mayReceive = true;
  consumed(): void {}
  waited(): void {}
  write(_stream: Stream, bytes: Buffer): void {
    this.got.push(bytes.toString());
    this.all.push(bytes.toString());
  }
  request(name: string): void {
    this.asked.push(name);
    this.all.push(name);
  }
  reply(): void {}
  exitStatus(): void {}
  eof(): void {
    this.all.push('EOF');
  }
  close(): void {
    this.hasSentClose = true;
  }
  get channel(): Channel {
    return this as unknown as Channel;
  }
}

/** A recorder that takes what it is told to take. */
class Taker {
  isFull = false;
  readonly taken: string[] = [];
  #room = deferred<void>();
  input(bytes: Buffer): void {
    this.taken.push(`input ${bytes}`);
  }
  output(_stream: Stream, bytes: Buffer): void {
    this.taken.push(`output ${bytes}`);
  }
  resize({ columns, rows, width, height }: Size): void {
    this.taken.push(`resize ${columns}x${rows} ${width}x${height}`);
  }
  note(fact: Fact): void {
    this.taken.push(JSON.stringify(fact));
  }
  room(): Promise<void> {
    return this.#room.promise;
  }
  makeRoom(): void {
    this.isFull = false;
    this.#room.resolve();
    this.#room = deferred();
  }
}

function relayed(isRecorderThere = true) {
  const client = new Peer();
  const target = new Peer();
  const taker = new Taker();
  const recorder = deferred<ChannelRecorder>();
  const overrun = { tell: () => {} };
  const refused: string[] = [];
  const relay = new Relay(
    {
      scope: scope('shell'),
      openChannel: async () => target.channel,
      openRecorder: (_start, tell) => {
        overrun.tell = tell;
        return recorder.promise;
      },
      refused: (sentence) => void refused.push(sentence),
      watched: { started() {}, output() {} },
    },
    client.channel,
  );
  const there = async (): Promise<void> => {
    recorder.resolve(taker as unknown as ChannelRecorder);
    await turn();
  };
  const begin = async (name: string, data: Buffer = Buffer.alloc(0)): Promise<void> => {
    client.listener?.request(name, true, data);
    if (isRecorderThere) await there();
    await turn();
  };
  return { client, target, taker, overrun, refused, relay, there, begin };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const exec = (command: string): Buffer => Buffer.from(encode(string(command)));
const pty = Buffer.from(encode(string('xterm'), ...[80, 24, 0, 0].map(uint32), string('')));
const size = Buffer.from(encode(...[100, 40, 0, 0].map(uint32)));

describe('a channel that is relayed', () => {
  it.each([
    ['exec', exec('touch /tmp/x')],
    ['shell', Buffer.alloc(0)],
    ['subsystem', exec('sftp')],
  ])('is started (%s) on the target only once its recorder has answered', async (name, data) => {
    const { client, target, begin, there } = relayed(false);
    client.listener?.request('pty-req', true, name === 'subsystem' ? Buffer.alloc(0) : pty);
    client.listener?.request('env', true, Buffer.from(encode(string('LANG'), string('C'))));
    await begin(name, data);
    client.listener?.request('signal', false, exec('INT'));
    client.listener?.data('stdout', Buffer.from('typed ahead'));
    client.listener?.eof();
    await turn();
    expect(target.listener).not.toBeNull();
    expect(target.all).toEqual([]);
    await there();
    const start = ['env', name, 'signal'];
    const asked = name === 'subsystem' ? start : ['pty-req', ...start];
    expect(target.all).toEqual([...asked, 'typed ahead', 'EOF']);
  });

  it('passes the end of an empty input on only after the start, too', async () => {
    const { client, target, begin, there } = relayed(false);
    await begin('exec', exec('cat'));
    client.listener?.eof();
    await turn();
    expect(target.all).toEqual([]);
    await there();
    expect(target.all).toEqual(['exec', 'EOF']);
  });

  it('gives input to the target only as its recorder takes it, and before it goes on', async () => {
    const { client, target, taker, begin } = relayed();
    await begin('exec', exec('sh'));
    const write = target.write.bind(target);
    target.write = (stream, bytes) => {
      expect(taker.taken).toContain(`input ${bytes}`);
      write(stream, bytes);
    };
    client.listener?.data('stdout', Buffer.from('one'));
    taker.isFull = true;
    client.listener?.data('stdout', Buffer.from('two'));
    await turn();
    expect({ taken: taker.taken, got: target.got }).toEqual({ taken: ['input one'], got: ['one'] });
    taker.makeRoom();
    await turn();
    expect(target.got).toEqual(['one', 'two']);
  });

  it('gives output to the client in the same way', async () => {
    const { client, target, taker, begin } = relayed();
    await begin('exec', exec('sh'));
    taker.isFull = true;
    target.listener?.data('stdout', Buffer.from('said'));
    await turn();
    expect({ taken: taker.taken, got: client.got }).toEqual({ taken: [], got: [] });
    taker.makeRoom();
    await turn();
    expect({ taken: taker.taken, got: client.got }).toEqual({ taken: ['output said'], got: ['said'] });
  });

  it('records the size that its terminal got while the recorder was asked for', async () => {
    const { client, taker, begin, there } = relayed(false);
    client.listener?.request('pty-req', true, pty);
    await begin('shell');
    client.listener?.request('window-change', false, size);
    await there();
    expect(taker.taken).toEqual(['resize 100x40 0x0']);
  });

  it('ends with a sentence where more would have to be left out of the recording than may be', async () => {
    const { client, target, taker, overrun, refused, begin } = relayed();
    await begin('exec', exec('cat big'));
    target.listener?.data('stdout', Buffer.from('kept'));
    overrun.tell();
    target.listener?.data('stdout', Buffer.from('never'));
    client.listener?.data('stdout', Buffer.from('never'));
    await turn();
    expect(client.got[0]).toBe('kept');
    expect(client.got[1]).toMatch(/^daypass: this access is recorded in full.*sftp or scp\.\n$/);
    expect(client.got).toHaveLength(2);
    expect(target.got).toEqual([]);
    expect(taker.taken.join()).not.toMatch('never');
    expect(target.hasSentClose).toBe(true);
    expect(refused).toHaveLength(1);
  });
});
