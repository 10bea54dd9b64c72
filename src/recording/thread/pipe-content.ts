import type { Coverage, FileCounts } from '../../access/session.ts';
import { FirstBytes, type Followed, type FollowedHost, type Gap, type Side } from '../file-log/observe.ts';
import { FRAME } from '../format/format.ts';
import type { ChannelStart, Fact } from '../write/recorder-messages.ts';
import type { Content, Keep } from './channel-writer.ts';
import { KeptStream } from './kept-stream.ts';

type StreamName = 'stdout' | 'stderr' | 'stdin';

const FRAMES = { stdout: FRAME.stdout, stderr: FRAME.stderr, stdin: FRAME.input } as const;
const SIDES = ['client', 'target'] as const;
const STREAM_OF: Readonly<Record<Side, StreamName>> = { client: 'stdin', target: 'stdout' };

/**
 * A channel without a terminal: all that passes in it. Content of files is left out while the channel speaks SFTP or scp from its first
 * byte on; what follows the first message that is neither is kept like all else.
 */
export class PipeContent implements Content {
  readonly #keep: Keep;
  readonly #kind: ChannelStart['kind'];
  readonly #command: string | null;
  readonly #streams: Readonly<Record<StreamName, KeptStream>>;
  readonly #host: FollowedHost;
  #first: FirstBytes | null = new FirstBytes();
  #followed: Followed | null = null;
  #counts: FileCounts | null = null;
  #hasLeftOut = false;
  #wasFollowed = '';

  constructor({ kind, command }: Pick<ChannelStart, 'kind' | 'command'>, keep: Keep, overrun: (() => void) | null) {
    this.#keep = keep;
    this.#kind = kind;
    this.#command = command;
    const stream = (name: StreamName): KeptStream =>
      new KeptStream(
        {
          keep: (micros, bytes) => keep(FRAMES[name], micros, bytes),
          gapBegins: (micros) => this.#fact(micros, { what: 'binary', stream: name }),
          gap: (micros, gap) => this.#gap(name, gap, micros),
        },
        overrun,
      );
    this.#streams = { stdout: stream('stdout'), stderr: stream('stderr'), stdin: stream('stdin') };
    this.#host = {
      onOperation: (operation) => keep(FRAME.file, operation.endedMicros, Buffer.from(JSON.stringify(operation))),
      keep: (from, bytes, micros) => this.#stream(from).whole(bytes, micros),
      skip: (from, bytes, micros) => {
        this.#hasLeftOut ||= bytes > 0;
        return this.#stream(from).skip(bytes, micros);
      },
      leftOut: (from, gap, micros) => this.#gap(STREAM_OF[from], gap, micros),
    };
  }

  output(stream: 'stdout' | 'stderr', bytes: Buffer, micros: number): void {
    if (stream === 'stderr') this.#streams.stderr.push(bytes, micros);
    else this.#take('target', bytes, micros);
  }

  input(bytes: Buffer, micros: number): void {
    this.#take('client', bytes, micros);
  }

  end(micros: number): { coverage: Coverage; label: string; files: FileCounts | null } {
    this.#undecided();
    if (this.#followed) {
      this.#counts = this.#followed.end(micros);
      for (const side of SIDES) this.#stream(side).whole(this.#followed.held(side), micros);
    }
    for (const stream of Object.values(this.#streams)) stream.end(micros);
    const isWhole = !this.#hasLeftOut && Object.values(this.#streams).every(({ hasGaps }) => !hasGaps);
    const coverage = isWhole ? 'full' : 'metadata';
    const hasFiles = this.#followed || this.#hasLeftOut || Object.values(this.#counts ?? {}).some((count) => count > 0);
    return { coverage, label: this.#label, files: hasFiles ? this.#counts : null };
  }

  /** What it was followed as, and what it was from there on. */
  get #label(): string {
    const plain = this.#kind === 'subsystem' ? 'subsystem' : 'command';
    if (this.#followed || !this.#wasFollowed) return this.#wasFollowed || plain;
    return `${this.#wasFollowed} then ${plain}`;
  }

  #take(from: Side, bytes: Buffer, micros: number): void {
    if (this.#followed) this.#follow(this.#followed, from, bytes, micros);
    else if (this.#first) this.#decide(this.#first, from, bytes, micros);
    else this.#stream(from).push(bytes, micros);
  }

  #decide(first: FirstBytes, from: Side, bytes: Buffer, micros: number): void {
    const followed = first.take({ from, bytes, micros }, this.#command, this.#host);
    if (followed === undefined) return;
    this.#followed = followed;
    this.#wasFollowed = followed?.label ?? '';
    this.#undecided();
  }

  /** What came before it was known what it is. */
  #undecided(): void {
    const pieces = this.#first?.pieces ?? [];
    this.#first = null;
    for (const { from, bytes, micros } of pieces) this.#take(from, bytes, micros);
  }

  #follow(followed: Followed, from: Side, bytes: Buffer, micros: number): void {
    const taken = followed.take(from, bytes, micros);
    if (!followed.isLost) return;
    this.#counts = followed.end(micros);
    this.#followed = null;
    for (const side of SIDES) this.#stream(side).push(followed.held(side), micros);
    this.#stream(from).push(bytes.subarray(taken), micros);
  }

  #stream(side: Side): KeptStream {
    return this.#streams[STREAM_OF[side]];
  }

  #gap(stream: StreamName, gap: Gap, micros: number): void {
    this.#fact(micros, { what: 'gap', stream, ...gap });
  }

  #fact(micros: number, fact: Fact): void {
    this.#keep(FRAME.journal, micros, Buffer.from(JSON.stringify(fact)));
  }
}
