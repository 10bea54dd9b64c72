import { type ChannelAsk, permits, permitsVariable } from '../access/permits.ts';
import type { Scope } from '../access/scope.ts';
import type { ChannelKind, ChannelSummary } from '../access/session.ts';
import type { ChannelRecorder } from '../recording/channel-recorder.ts';
import type { ChannelStart } from '../recording/recorder-messages.ts';
import { encode } from '../sshwire/bytes.ts';
import type { Channel, ChannelListener, Stream } from './channel.ts';
import { readCommand, readSize, readTerminal, readVariable, type Terminal } from './channel-requests.ts';
import { deferred } from './deferred.ts';
import { Flow } from './flow.ts';
import { ENVIRONMENT_MAX } from './limits.ts';
import { REFUSED_CHANNEL_REQUESTS, refusedSentence } from './refused-features.ts';
import { TargetRequests } from './target-requests.ts';
import { type Line, Voice } from './voice.ts';

/** What a relayed channel needs of its session. */
export type RelaySession = {
  readonly scope: Scope;
  /** Waits for the target; rejects with a sentence for the person. */
  openChannel(): Promise<Channel>;
  openRecorder(start: Omit<ChannelStart, 'number'>): Promise<ChannelRecorder>;
  /** Something was asked and refused. */
  refused(sentence: string): void;
  /** For those who look on. */
  readonly watched: { started(): void; output(stream: Stream, bytes: Buffer): void };
};

/** What a channel is, for those who look on. */
export type RelayView = {
  readonly kind: ChannelKind;
  readonly command: string | null;
  readonly size: { readonly columns: number; readonly rows: number } | null;
};

export type RelayRecord = Omit<ChannelSummary, 'id'>;

/** OpenSSH's own is 255; this one is ours. */
const REFUSED_STATUS = 254;
const LOST_STATUS = 255;

/** OpenSSH's PROTOCOL §2.1: its sender reads no more. */
const END_OF_WRITE = 'eow@openssh.com';

/** A session channel of the client and the one to the target that it is relayed to (RFC 4254 §6). */
export class Relay implements ChannelListener {
  readonly #session: RelaySession;
  readonly #down: Channel;
  #up: Channel | null = null;
  #recording: Promise<ChannelRecorder> | null = null;
  #recorder: ChannelRecorder | null = null;
  readonly #input: Flow;
  readonly #output: Flow;
  readonly #requests = new TargetRequests();
  readonly #voice = new Voice();
  readonly #finished = deferred<RelayRecord | null>();

  #kind: ChannelKind | null = null;
  #command: string | null = null;
  #terminal: Terminal | null = null;
  #environment = 0;
  #startedAt = 0;
  #isWaitingForRecorder = false;
  #isFinishing = false;
  #hasDownEof = false;
  #hasUpEof = false;
  #hasUpClosed = false;
  #farewell: { readonly sentence: string; readonly status: number } | null = null;

  constructor(session: RelaySession, down: Channel) {
    this.#session = session;
    this.#down = down;
    this.#input = new Flow({
      isReady: () => this.#isRecorderReady(),
      accept: (_stream, bytes) => this.#recorder?.input(bytes),
    });
    this.#output = new Flow({
      isReady: () => this.#isRecorderReady(),
      accept: (stream, bytes) => {
        this.#recorder?.output(stream, bytes);
        this.#voice.heard(stream, bytes);
        this.#session.watched.output(stream, bytes);
      },
    });
    this.#input.source = down;
    this.#output.sink = down;
    down.listener = this;
  }

  /** Resolves when both sides are closed and the record is written; null where nothing was relayed. */
  get finished(): Promise<RelayRecord | null> {
    return this.#finished.promise;
  }

  /** Null before anything was started in it. */
  get view(): RelayView | null {
    if (this.#kind === null) return null;
    const { columns, rows } = this.#terminal ?? {};
    const size = columns === undefined || rows === undefined ? null : { columns, rows };
    return { kind: this.#kind, command: this.#command, size };
  }

  /** Tells the person something, as soon as it can be told without breaking what the program shows. */
  notice(sentence: string): void {
    this.#voice.add(sentence, () => this.#settle());
  }

  /**
   * Ends the channel with a sentence, after the output that has come already. Status 255 says, as OpenSSH's does, that no command
   * ran to its end.
   */
  fail(sentence: string, status = LOST_STATUS): void {
    if (this.#kind === null || this.#farewell) return;
    this.#farewell = { sentence, status };
    this.#settle();
  }

  /** The same, without the output that has not gone on yet. */
  abandon(sentence: string): void {
    this.#output.stop();
    this.#input.stop();
    this.fail(sentence);
  }

  // The client's side.

  data(_stream: Stream, bytes: Buffer): void {
    this.#input.push('stdout', bytes);
    this.#settle();
  }

  eof(): void {
    this.#hasDownEof = true;
    this.#settle();
  }

  room(): void {
    this.#settle();
  }

  reply(): void {}

  closed(): void {
    this.#output.stop();
    this.#input.stop();
    this.#settle();
  }

  request(name: string, wantReply: boolean, data: Buffer): void {
    const isAccepted = this.#request(name, data);
    if (wantReply) this.#down.reply(isAccepted);
    if (isAccepted && this.#kind !== null && name === this.#kind) this.#started(data);
  }

  #request(name: string, data: Buffer): boolean {
    switch (name) {
      case 'pty-req':
        return this.#requestTerminal(data);
      case 'env':
        this.#environment += 1;
        if (this.#environment > ENVIRONMENT_MAX || this.#kind !== null) return false;
        if (!permitsVariable(this.#session.scope, readVariable(data) ?? '')) return false;
        this.#requests.forward({ name, data, expects: null });
        return true;
      case 'shell':
      case 'exec':
      case 'subsystem':
        if (this.#kind !== null) return false;
        if (name !== 'shell') this.#command = readCommand(data);
        if (name !== 'shell' && this.#command === null) return false;
        this.#kind = name;
        return true;
      case 'window-change':
        this.#resize(data);
        return true;
      case 'signal':
      // RFC 4335 §3.
      case 'break':
      case END_OF_WRITE:
        if (this.#kind !== null) this.#requests.forward({ name, data, expects: null });
        return this.#kind !== null;
      default: {
        const refusal = REFUSED_CHANNEL_REQUESTS[name];
        if (!refusal) return false;
        this.#session.refused(`${refusal.what} was asked for and refused`);
        this.notice(`${refusedSentence(refusal)}.`);
        return false;
      }
    }
  }

  #requestTerminal(data: Buffer): boolean {
    const terminal = readTerminal(data);
    if (!terminal || this.#terminal || this.#kind !== null) return false;
    const verdict = permits(this.#session.scope, { kind: 'pty' });
    if (!verdict.allowed) {
      this.#session.refused(verdict.why);
      return false;
    }
    this.#terminal = terminal;
    this.#voice.terminal = terminal;
    this.#requests.forward({ name: 'pty-req', data, expects: 'pty' });
    return true;
  }

  #resize(data: Buffer): void {
    const size = readSize(data);
    if (!size || !this.#terminal) return;
    this.#terminal = { ...this.#terminal, ...size };
    this.#voice.terminal = this.#terminal;
    this.#recorder?.resize(size.columns, size.rows);
    this.#session.watched.started();
    this.#requests.forward({ name: 'window-change', data, expects: null });
  }

  /** Accepted already, so that nothing that the client sends now is lost: the target is waited for after that. */
  #started(data: Buffer): void {
    this.#startedAt = Date.now();
    const ask = this.#ask();
    const verdict = permits(this.#session.scope, ask);
    if (!verdict.allowed) {
      this.#session.refused(verdict.why);
      return void this.fail(`${verdict.why}. Ask for another scope in Slack if you need it.`, REFUSED_STATUS);
    }
    this.#requests.forward({ name: ask.kind, data, expects: 'start' });
    this.#session.watched.started();
    const { columns, rows, term } = this.#terminal ?? {};
    this.#recording = this.#session.openRecorder({
      kind: ask.kind === 'pty' || ask.kind === 'tunnel' ? 'shell' : ask.kind,
      command: this.#command,
      terminal: columns === undefined || rows === undefined ? null : { columns, rows, term: term ?? null },
      destination: null,
      recordInput: this.#session.scope.record_input === true,
    });
    this.#recording
      .then((recorder) => {
        this.#recorder = recorder;
        this.#settle();
      })
      // The session has been told, and is being cut.
      .catch(() => this.#finish());
    this.#session
      .openChannel()
      .then((channel) => this.#connected(channel))
      .catch((error: Error) => this.fail(error.message));
  }

  #ask(): ChannelAsk {
    const command = this.#command ?? '';
    if (this.#kind === 'exec') return { kind: 'exec', command };
    return this.#kind === 'subsystem' ? { kind: 'subsystem', name: command } : { kind: 'shell' };
  }

  // The target's side.

  #connected(up: Channel): void {
    this.#up = up;
    this.#input.sink = up;
    this.#output.source = up;
    up.listener = {
      data: (stream, bytes) => {
        this.#output.push(stream, bytes);
        this.#settle();
      },
      eof: () => {
        this.#hasUpEof = true;
        this.#settle();
      },
      room: () => this.#settle(),
      reply: (isSuccess) => this.#targetReplied(isSuccess),
      request: (name, wantReply, data) => {
        if (wantReply) up.reply(false);
        this.#targetRequested(name, data);
      },
      closed: () => {
        this.#hasUpClosed = true;
        this.#input.stop();
        this.#settle();
      },
    };
    if (this.#down.isClosed || this.#down.hasSentClose) up.close();
    else this.#requests.connect(up);
    this.#settle();
  }

  #targetReplied(isSuccess: boolean): void {
    const refused = this.#requests.replied(isSuccess);
    if (refused === 'pty') this.notice('the target gives no terminal. Ask its owner to run: daypass targets check');
    if (refused === 'start') this.fail('the target does not start this. Ask its owner.', REFUSED_STATUS);
  }

  #targetRequested(name: string, data: Buffer): void {
    if (name === 'exit-status' || name === 'exit-signal') this.#requests.ended(name, data);
    else if (name === END_OF_WRITE) this.#down.request(name, false, encode());
    this.#settle();
  }

  // Both.

  #isRecorderReady(): boolean {
    if (!this.#recorder) return false;
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

  /** Moves what can be moved; once a direction is empty, what comes after its data goes on: exit, EOF, CLOSE, in this order. */
  #settle(): void {
    this.#output.pump();
    this.#input.pump();
    this.#speak();
    if (this.#output.isEmpty) this.#endOutput();
    if (this.#input.isEmpty) {
      if (this.#hasDownEof) this.#up?.eof();
      if (this.#down.isClosed) this.#up?.close();
    }
    if (this.#down.isClosed && (!this.#up || this.#hasUpClosed)) this.#finish();
    if (this.#hasUpClosed) this.#up?.close();
  }

  #speak(): void {
    if (this.#kind === null || (this.#recording && !this.#isRecorderReady())) return;
    const line = this.#voice.next(this.#down.room);
    if (!line) return;
    this.#deliver(line);
    if (this.#up) this.#voice.redrawLater(this.#up);
  }

  #deliver({ stream, bytes }: Line): void {
    if (this.#isRecorderReady()) this.#recorder?.output(stream, bytes);
    this.#down.write(stream, bytes);
    this.#session.watched.output(stream, bytes);
  }

  #endOutput(): void {
    if (this.#farewell) {
      const { sentence, status } = this.#farewell;
      const line = this.#voice.last(sentence);
      if (this.#down.hasSentClose || this.#down.room < line.bytes.length) return;
      this.#deliver(line);
      this.#down.exitStatus(status);
      this.#down.eof();
      this.#down.close();
      this.#up?.close();
    } else if (this.#hasUpEof || this.#hasUpClosed) {
      this.#requests.tellExit(this.#down);
      this.#down.eof();
      if (this.#hasUpClosed) this.#down.close();
    }
  }

  #finish(): void {
    if (this.#isFinishing) return;
    this.#isFinishing = true;
    this.#down.close();
    this.#write().then(this.#finished.resolve, this.#finished.reject);
  }

  async #write(): Promise<RelayRecord | null> {
    if (!this.#recording || !this.#kind) return null;
    const record = await (await this.#recording).finish(this.#requests.exit);
    return {
      kind: this.#kind,
      command: this.#command,
      pty: this.#terminal !== null,
      exit: this.#requests.exit,
      ...{ destination: null, startedAt: this.#startedAt, endedAt: Date.now() },
      ...record,
    };
  }
}
