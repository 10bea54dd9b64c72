import type { Scope } from '../../access/scopes/scope.ts';
import { GUARD_UNREAD_MAX } from '../limits.ts';
import { type Guarded, SftpGuard } from '../sftp/guard.ts';
import type { Flow } from './flow.ts';

/** The guard of an SFTP channel between its two flows; null where the scope lets everything through. */
export class GuardedSftp {
  readonly #guard: SftpGuard;
  readonly #output: Flow;
  #ended: string | null = null;

  static of(scope: Scope, flows: { readonly input: Flow; readonly output: Flow }, refused: (sentence: string) => void) {
    const { files } = scope;
    const isBounded = files !== null && (files.rights === 'read' || files.paths.length > 0);
    // Where nothing may be left out, what is no SFTP ends at its first byte.
    if (!files || (!isBounded && scope.opaque !== 'refused')) return null;
    return new GuardedSftp(new SftpGuard(files, refused), flows);
  }

  private constructor(guard: SftpGuard, { input, output }: { readonly input: Flow; readonly output: Flow }) {
    this.#guard = guard;
    this.#output = output;
    const pass = (bytes: Buffer): Buffer => this.#fromClient(bytes);
    input.filter = {
      get held() {
        return guard.held;
      },
      pass,
    };
  }

  /** Whether the client's next bytes can be looked at: answers that it does not read are bounded, and with them what the file log keeps. */
  get isReady(): boolean {
    return !this.#guard.isFull && this.#output.waiting <= GUARD_UNREAD_MAX;
  }

  /** Why the channel must end, where it must: what passes is no SFTP that can be held. */
  get ended(): string | null {
    return this.#ended;
  }

  /** Instead of the target's stdout going to the output as it is. */
  fromTarget(bytes: Buffer): void {
    const forward = joined(this.#seen(this.#guard.target(bytes)).forward);
    this.#output.push('stdout', forward, Math.min(bytes.length, forward.length));
    // What is not for the client has gone as far as it goes.
    if (forward.length < bytes.length) this.#output.push('stdout', NOTHING, bytes.length - forward.length);
  }

  #fromClient(bytes: Buffer): Buffer {
    const { forward, answer } = this.#seen(this.#guard.client(bytes));
    if (answer.length > 0) {
      this.#output.push('stdout', joined(answer), 0);
      this.#output.pump();
    }
    return joined(forward);
  }

  #seen(guarded: Guarded): Guarded {
    this.#ended ??= guarded.ended;
    return guarded;
  }
}

const NOTHING = Buffer.alloc(0);

const joined = (buffers: readonly Buffer[]): Buffer =>
  buffers.length === 1 && buffers[0] ? buffers[0] : Buffer.concat(buffers);
