import type { ChannelSummary } from '../../access/session.ts';
import type { ChannelRecorder } from '../../recording/write/channel-recorder.ts';
import { ENVIRONMENT_MAX } from '../limits.ts';
import type { Channel } from '../ssh/channel.ts';
import { readExitSignal, readExitStatus } from '../ssh/channel-requests.ts';
import type { RecorderGate } from './recorder-gate.ts';

/** What is asked of the target for the client. */
export type TargetRequest = {
  readonly name: string;
  readonly data: Buffer;
  /** Where its answer matters. */
  readonly expects: 'pty' | 'start' | null;
  /** Writes it down; null where the recording has it already. */
  readonly record: ((recorder: ChannelRecorder) => void) | null;
};

type Exit = ChannelSummary['exit'];

/** Terminal, environment and start, and some of what follows them. */
const WAITING_MAX = ENVIRONMENT_MAX + 32;
const RESIZE = 'window-change';

/** What goes to the target beside the data, before it is connected and after, and how its program ended (RFC 4254 §6). */
export class TargetRequests {
  readonly #gate: Pick<RecorderGate, 'isOpen' | 'recorder'>;
  #channel: Channel | null = null;
  readonly #waiting: TargetRequest[] = [];
  #expected: ('pty' | 'start')[] = [];
  #exit: Exit = null;
  #tellExit: ((client: Channel) => void) | null = null;

  constructor(gate: Pick<RecorderGate, 'isOpen' | 'recorder'>) {
    this.#gate = gate;
  }

  /** In their order, as the target and the recorder take them. Of sizes that wait only the last counts. */
  forward(request: TargetRequest): void {
    if (request.name === RESIZE && this.#waiting.at(-1)?.name === RESIZE) this.#waiting.pop();
    if (this.#waiting.length < WAITING_MAX) this.#waiting.push(request);
    this.flush();
  }

  connect(channel: Channel): void {
    this.#channel = channel;
    this.flush();
  }

  /** Passes on what can be passed on now. */
  flush(): void {
    for (let next = this.#waiting[0]; next && this.#mayGo(next); next = this.#waiting[0]) {
      this.#waiting.shift();
      if (this.#gate.recorder) next.record?.(this.#gate.recorder);
      if (next.expects) this.#expected.push(next.expects);
      this.#channel?.request(next.name, next.expects !== null, next.data);
    }
  }

  /** A target that does not read gets no more of them than its socket holds, and nothing goes on that is not recorded. */
  #mayGo({ record }: TargetRequest): boolean {
    if (!this.#channel) return false;
    return record === null || (!this.#channel.isCongested && this.#gate.isOpen);
  }

  /** The target answered; what it refused comes back. */
  replied(isSuccess: boolean): 'pty' | 'start' | null {
    const expected = this.#expected.shift() ?? null;
    return isSuccess ? null : expected;
  }

  /** RFC 4254 §6.10; only the first counts. */
  ended(name: 'exit-status' | 'exit-signal', data: Buffer): void {
    if (this.#exit) return;
    if (name === 'exit-status') {
      const code = readExitStatus(data);
      if (code === null) return;
      this.#exit = { kind: 'status', code };
      this.#tellExit = (client) => client.exitStatus(code);
    } else {
      const signal = readExitSignal(data);
      if (!signal) return;
      this.#exit = { kind: 'signal', name: signal.name };
      this.#tellExit = (client) => client.exitSignal(signal);
    }
  }

  get exit(): Exit {
    return this.#exit;
  }

  /** Once, and only where it is known. */
  tellExit(client: Channel): void {
    this.#tellExit?.(client);
    this.#tellExit = null;
  }
}
