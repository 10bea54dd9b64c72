import type { ChannelSummary } from '../access/session.ts';
import type { Channel } from './channel.ts';
import { readExitSignal, readExitStatus } from './channel-requests.ts';
import { ENVIRONMENT_MAX } from './limits.ts';

/** What is asked of the target for the client; `expects` where its answer matters. */
export type TargetRequest = { readonly name: string; readonly data: Buffer; readonly expects: 'pty' | 'start' | null };

type Exit = ChannelSummary['exit'];

/** Terminal, environment and start, and some changes of the terminal's size. */
const WAITING_MAX = ENVIRONMENT_MAX + 32;

/** What goes to the target beside the data, before it is connected and after, and how its program ended (RFC 4254 §6). */
export class TargetRequests {
  #channel: Channel | null = null;
  #waiting: TargetRequest[] = [];
  #expected: ('pty' | 'start')[] = [];
  #exit: Exit = null;
  #tellExit: ((client: Channel) => void) | null = null;

  forward(request: TargetRequest): void {
    if (!this.#channel) {
      if (this.#waiting.length < WAITING_MAX) this.#waiting.push(request);
      return;
    }
    // A target that does not read gets no more of them than its socket holds.
    if (request.expects === null && this.#channel.isCongested) return;
    if (request.expects) this.#expected.push(request.expects);
    this.#channel.request(request.name, request.expects !== null, request.data);
  }

  connect(channel: Channel): void {
    this.#channel = channel;
    for (const request of this.#waiting.splice(0)) this.forward(request);
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
