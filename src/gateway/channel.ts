import type { Readable } from 'node:stream';
import type { Client, ClientChannel, Connection, PseudoTtyInfo, ServerChannel } from 'ssh2';
import type { ChannelAsk } from '../access/scope.ts';
import type { ChannelSummary } from '../access/session.ts';
import { type ChannelRecord, ChannelRecorder } from '../recording/channel-recorder.ts';
import { socketRoom, turnstile, writeWhole } from './flow.ts';
import { closeChannel, type Exit, internalsOf, keepHalfOpen, sendEof, sendExit } from './ssh2-internals.ts';
import { UpstreamError } from './upstream.ts';

export type Started = Extract<ChannelAsk, { kind: 'shell' | 'exec' | 'subsystem' }>;
export type Terminal = PseudoTtyInfo & { readonly term?: string };
export type WindowSize = {
  readonly rows: number;
  readonly cols: number;
  readonly height: number;
  readonly width: number;
};

/** What a channel needs of the session around it. */
export type ChannelHost = {
  readonly connection: Connection;
  /** Rejects with an UpstreamError where the target could not be entered. */
  readonly upstream: Promise<Client>;
  readonly folder: string;
  readonly title: string;
  recordingFailed(error: Error): void;
};

export type ChannelSetup = {
  readonly number: number;
  readonly ask: Started;
  readonly terminal: Terminal | null;
  readonly environment: Readonly<Record<string, string>>;
};

export type FinishedChannel = { readonly summary: ChannelSummary; readonly record: ChannelRecord };

const FAILED: Exit = { kind: 'status', code: 255 };

/** One channel of the contractor and the one of the target that it is relayed to (RFC 4254 §6). */
export class ChannelPair {
  readonly setup: ChannelSetup;
  readonly #host: ChannelHost;
  readonly #down: ServerChannel;
  readonly #inTurn = turnstile();
  readonly #recorder: Promise<ChannelRecorder>;
  #up: ClientChannel | null = null;
  #size: WindowSize | null = null;
  #exit: Exit | null = null;
  #isClosed = false;

  constructor(host: ChannelHost, setup: ChannelSetup, down: ServerChannel) {
    this.#host = host;
    this.setup = setup;
    this.#down = down;
    keepHalfOpen(down);
    down.on('error', () => this.close());
    const { ask, terminal } = setup;
    const isFileTransfer = ask.kind === 'subsystem' || (ask.kind === 'exec' && /^scp\s/.test(ask.command));
    this.#recorder = ChannelRecorder.open(
      host.folder,
      {
        number: setup.number,
        terminal: terminal && { columns: terminal.cols, rows: terminal.rows, term: terminal.term ?? null },
        isFileTransfer,
        title: host.title,
      },
      new Date(),
      (error) => host.recordingFailed(error),
    );
    this.#recorder.catch((error: Error) => host.recordingFailed(error));
  }

  /** Relays until both sides are done. Never rejects: what goes wrong is told to the person. */
  async run(): Promise<void> {
    try {
      const recorder = await this.#recorder;
      const client = await this.#host.upstream;
      const up = await openUpstream(client, this.setup);
      if (this.#isClosed) return closeChannel(up);
      await this.#relay(client, up, recorder);
    } catch (error) {
      const sentence = error instanceof UpstreamError ? error.message : 'The target did not take this request.';
      this.tell(`daypass: ${sentence}`);
      this.#finishDownstream(FAILED);
    }
  }

  async #relay(client: Client, up: ClientChannel, recorder: ChannelRecorder): Promise<void> {
    this.#up = up;
    keepHalfOpen(up);
    up.on('error', () => this.close());
    up.on('exit', (code: number | null, signal?: string) => {
      this.#exit = code === null ? { kind: 'signal', name: signalName(signal) } : { kind: 'status', code };
    });
    const closed = new Promise<void>((resolve) => up.once('close', () => resolve()));
    if (this.#size) this.resize(this.#size);
    this.#input(client, up, recorder).catch(() => this.close());
    await Promise.all([this.#output(up, 'stdout', recorder), this.#output(up.stderr, 'stderr', recorder)]);
    // All output is with the client; nothing is sent after it but how it ended.
    if (!this.#isClosed) sendEof(this.#down);
    await closed;
    this.#finishDownstream(this.#exit);
  }

  async #output(source: Readable, stream: 'stdout' | 'stderr', recorder: ChannelRecorder): Promise<void> {
    const sink = stream === 'stdout' ? this.#down : this.#down.stderr;
    const socket = internalsOf(this.#host.connection)._sock;
    for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (recorder.isFull) await recorder.room();
      recorder.output(stream, chunk);
      await this.#inTurn(() => writeWhole(sink, chunk));
      await socketRoom(socket);
    }
  }

  async #input(client: Client, up: ClientChannel, recorder: ChannelRecorder): Promise<void> {
    const socket = internalsOf(client)._sock;
    for await (const chunk of this.#down.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      recorder.input(chunk);
      await writeWhole(up, chunk);
      await socketRoom(socket);
    }
    up.end();
  }

  resize(size: WindowSize): void {
    this.#size = size;
    this.#recorder.then((recorder) => recorder.resize(size.cols, size.rows)).catch(() => {});
    this.#up?.setWindow(size.rows, size.cols, size.height, size.width);
  }

  signal(name: string): void {
    this.#up?.signal(name);
  }

  /** The client has closed its side, or the session ends: the target's side is closed too. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#up) closeChannel(this.#up);
  }

  /** A line where a person sees it: on a terminal, else on stderr, never among the output of a program. Waits for nobody. */
  tell(line: string): void {
    if (this.#isClosed) return;
    if (this.setup.terminal) this.#down.write(`\r\n${line}\r\n`);
    else this.#down.stderr.write(`${line}\n`);
  }

  #finishDownstream(exit: Exit | null): void {
    if (exit) sendExit(this.#host.connection, this.#down, exit);
    this.#isClosed = true;
    this.#down.end();
    closeChannel(this.#down);
  }

  /** Ends the record; throws where it could not be written. */
  async finish(): Promise<FinishedChannel> {
    const record = await (await this.#recorder).finish();
    const { number, ask, terminal } = this.setup;
    const { bytesFromClient, bytesToClient, stdoutSha256, stderrSha256, stdinSha256 } = record;
    return {
      record,
      summary: {
        id: number,
        kind: ask.kind,
        command: ask.kind === 'exec' ? ask.command : ask.kind === 'subsystem' ? ask.name : null,
        pty: terminal !== null,
        ...{ bytesFromClient, bytesToClient, stdoutSha256, stderrSha256, stdinSha256 },
        exit: this.#exit,
      },
    };
  }
}

/** ssh2 says SIGTERM, the wire says TERM (RFC 4254 §6.10). */
const signalName = (name: string | undefined): string => (name ?? 'TERM').replace(/^SIG/, '');

function openUpstream(client: Client, { ask, terminal, environment }: ChannelSetup): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    const opened = (error: Error | undefined, channel: ClientChannel): void =>
      error ? reject(error) : resolve(channel);
    const env = environment;
    const pty = terminal && { ...terminal, term: terminal.term ?? 'vt100' };
    if (ask.kind === 'subsystem') client.subsys(ask.name, opened);
    else if (ask.kind === 'exec') client.exec(ask.command, pty ? { env, pty: pty as never } : { env }, opened);
    else client.shell((pty ?? false) as never, { env }, opened);
  });
}
