import type { ChannelRecorder } from '../../recording/write/channel-recorder.ts';
import type { ChannelRecord } from '../../recording/write/recorder-messages.ts';
import { deferred } from '../deferred.ts';
import type { Channel, ChannelListener } from '../ssh/channel.ts';
import { Flow } from './flow.ts';

/**
 * A direct-tcpip channel of the client and the one to the target that it is relayed to (RFC 4254 §7.2). Its bytes have no meaning
 * here: they are counted and digested before they go on.
 */
export class Tunnel {
  readonly #down: Channel;
  readonly #up: Channel;
  readonly #recorder: ChannelRecorder;
  readonly #toTarget: Flow;
  readonly #toClient: Flow;
  readonly #finished = deferred<ChannelRecord>();
  #isWaitingForRecorder = false;
  #isFinishing = false;

  constructor(recorder: ChannelRecorder, down: Channel, up: Channel) {
    this.#recorder = recorder;
    this.#down = down;
    this.#up = up;
    const isReady = (): boolean => this.#isRecorderReady();
    this.#toTarget = new Flow({ isReady, accept: (_stream, bytes) => recorder.input(bytes) });
    this.#toClient = new Flow({ isReady, accept: (stream, bytes) => recorder.output(stream, bytes) });
    this.#join(down, this.#toTarget, up);
    this.#join(up, this.#toClient, down);
    this.#settle();
  }

  /** Resolves when both sides are closed and the record is written. */
  get finished(): Promise<ChannelRecord> {
    return this.#finished.promise;
  }

  /** What waits is dropped, and both sides are closed. */
  close(): void {
    this.#toTarget.stop();
    this.#toClient.stop();
    this.#down.close();
    this.#up.close();
  }

  #join(source: Channel, flow: Flow, sink: Channel): void {
    flow.source = source;
    flow.sink = sink;
    const listener: ChannelListener = {
      data: (_stream, bytes) => {
        flow.push('stdout', bytes);
        this.#settle();
      },
      eof: () => this.#settle(),
      room: () => this.#settle(),
      reply: () => {},
      request: (_name, wantReply) => {
        if (wantReply) source.reply(false);
      },
      closed: () => {
        // Nobody reads any more what the other side still sends.
        (source === this.#down ? this.#toClient : this.#toTarget).stop();
        this.#settle();
      },
    };
    source.listener = listener;
  }

  #isRecorderReady(): boolean {
    if (!this.#recorder.isFull) return true;
    if (!this.#isWaitingForRecorder) {
      this.#isWaitingForRecorder = true;
      this.#recorder
        .room()
        .then(() => {
          this.#isWaitingForRecorder = false;
          this.#settle();
        })
        .catch(() => {});
    }
    return false;
  }

  #settle(): void {
    this.#pass(this.#down, this.#toTarget, this.#up);
    this.#pass(this.#up, this.#toClient, this.#down);
    if (!this.#down.isClosed || !this.#up.isClosed || this.#isFinishing) return;
    this.#isFinishing = true;
    this.#recorder.finish().then(this.#finished.resolve, this.#finished.reject);
  }

  #pass(source: Channel, flow: Flow, sink: Channel): void {
    flow.pump();
    if (!flow.isEmpty) return;
    if (!source.mayReceive) sink.eof();
    if (source.isClosed) {
      sink.close();
      source.close();
    }
  }
}
