import { createHash } from 'node:crypto';
import type { Digest } from '../../access/ids.ts';
import type { Coverage } from '../../access/session.ts';
import { FRAME, type FrameType } from '../format/format.ts';
import type { ChannelRecord, ChannelStart, Fact } from '../write/recorder-messages.ts';
import { PipeContent } from './pipe-content.ts';
import { TypedInput, type TypedPart } from './typed-input.ts';

/** Takes a frame of this channel; the payload is good until it returns. */
export type Keep = (type: FrameType, micros: number, payload: Uint8Array) => void;

/** What of a channel's bytes goes into the recording. It sees all that passes, in the order in which it passed. */
export class ChannelWriter {
  readonly #start: ChannelStart;
  readonly #keep: Keep;
  readonly #content: Content;
  readonly #hashes = { stdout: createHash('sha256'), stderr: createHash('sha256'), stdin: createHash('sha256') };
  #fromClient = 0;
  #toClient = 0;

  /** `overrun` is told once, where nothing of the channel may be left out, that it carries more binary data than is kept. */
  constructor(start: ChannelStart, keep: Keep, overrun: () => void) {
    this.#start = start;
    this.#keep = keep;
    // A digest of all that was typed would let anybody try passwords against it, so it covers what is kept.
    const keepTyped: Keep = (type, micros, payload) => {
      if (type === FRAME.input) this.#hashes.stdin.update(payload);
      keep(type, micros, payload);
    };
    this.#content = contentOf(start, start.terminal ? keepTyped : keep, overrun);
  }

  output(stream: 'stdout' | 'stderr', bytes: Buffer, micros: number): void {
    this.#hashes[stream].update(bytes);
    this.#toClient += bytes.length;
    this.#content.output(stream, bytes, micros);
  }

  input(bytes: Buffer, micros: number): void {
    if (!this.#start.terminal) this.#hashes.stdin.update(bytes);
    this.#fromClient += bytes.length;
    this.#content.input(bytes, micros);
  }

  resize(size: Buffer, micros: number): void {
    if (this.#start.terminal) this.#keep(FRAME.resize, micros, size);
  }

  /** A line of the journal, about what passed beside the bytes. */
  note(fact: Buffer, micros: number): void {
    this.#keep(FRAME.journal, micros, fact);
  }

  finish(micros: number): ChannelRecord {
    const said = this.#content.end(micros);
    const digest = (name: 'stdout' | 'stderr' | 'stdin') => this.#hashes[name].digest('hex') as Digest;
    return {
      ...{ files: null, ...said },
      bytesFromClient: this.#fromClient,
      bytesToClient: this.#toClient,
      stdoutSha256: digest('stdout'),
      stderrSha256: digest('stderr'),
      stdinSha256: digest('stdin'),
    };
  }
}

export type Content = {
  output(stream: 'stdout' | 'stderr', bytes: Buffer, micros: number): void;
  input(bytes: Buffer, micros: number): void;
  end(micros: number): { readonly coverage: Coverage; readonly label: string } & Partial<Pick<ChannelRecord, 'files'>>;
};

function contentOf(start: ChannelStart, keep: Keep, overrun: () => void): Content {
  if (start.terminal) return new TerminalContent(start.recordInput, keep);
  if (start.kind === 'tunnel') return TUNNEL;
  return new PipeContent(start, keep, start.mayLeaveOut ? null : overrun);
}

const TUNNEL: Content = {
  output() {},
  input() {},
  end: () => ({ coverage: 'opaque', label: 'tunnel' }),
};

const keepFact = (keep: Keep, micros: number, fact: Fact): void =>
  keep(FRAME.journal, micros, Buffer.from(JSON.stringify(fact)));

/** A terminal: what it shows, whatever that is; what is typed, as far as the target showed it. */
class TerminalContent implements Content {
  readonly #keep: Keep;
  readonly #typed: TypedInput | null;

  constructor(recordInput: boolean, keep: Keep) {
    this.#keep = keep;
    this.#typed = recordInput ? new TypedInput() : null;
  }

  output(stream: 'stdout' | 'stderr', bytes: Buffer, micros: number): void {
    this.#keep(FRAME[stream], micros, bytes);
    if (this.#typed) this.#take(this.#typed.output(bytes, micros));
  }

  input(bytes: Buffer, micros: number): void {
    if (this.#typed) this.#take(this.#typed.input(bytes, micros));
  }

  end(micros: number): { coverage: Coverage; label: string } {
    if (this.#typed) this.#take(this.#typed.end(micros));
    return { coverage: 'full', label: 'terminal' };
  }

  #take(parts: readonly TypedPart[]): void {
    for (const part of parts) {
      if (part.kind === 'kept') this.#keep(FRAME.input, part.micros, part.bytes);
      else keepFact(this.#keep, part.micros, { what: 'withheld', bytes: part.count });
    }
  }
}
