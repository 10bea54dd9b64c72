import { permits } from '../../access/scopes/permits.ts';
import type { Scope } from '../../access/scopes/scope.ts';
import type { ChannelSummary } from '../../access/session.ts';
import type { Shown } from '../../access/shown.ts';
import type { ChannelRecorder } from '../../recording/write/channel-recorder.ts';
import type { ChannelStart } from '../../recording/write/recorder-messages.ts';
import { encode } from '../../sshwire/bytes.ts';
import { deferred } from '../deferred.ts';
import type { Channel, ChannelListener, Stream } from '../ssh/channel.ts';
import type { Terminal } from '../ssh/channel-requests.ts';
import { FILES_ON_TERMINAL, MORE_THAN_RECORDED, outOfScope, TARGET } from '../words/session-words.ts';
import { ClientAsks, END_OF_WRITE } from './client-asks.ts';
import { Flow } from './flow.ts';
import { GuardedSftp } from './guarded-sftp.ts';
import { RecorderGate } from './recorder-gate.ts';
import { TargetRequests } from './target-requests.ts';
import { type Line, Voice } from './voice.ts';

/** What a relayed channel needs of its session. */
export type RelaySession = {
  readonly scope: Scope;
  /** Waits for the target; rejects with a sentence for the person. */
  openChannel(carries: 'data' | 'terminal'): Promise<Channel>;
  /** Resolves when the recording has the start; `overrun` is told where the channel carries more than may be left out of it. */
  openRecorder(start: Omit<ChannelStart, 'number'>, overrun: () => void): Promise<ChannelRecorder>;
  /** Something was asked and refused. */
  refused(sentence: string): void;
  /** For those who look on. */
  readonly watched: { started(): void; output(stream: Stream, bytes: Buffer): void };
};

/** What a channel is, for those who look on. */
export type RelayView = Omit<Extract<Shown, { show: 'channel' }>, 'show' | 'channel'>;

export type RelayRecord = Omit<ChannelSummary, 'id'>;

/** OpenSSH's own is 255; this one is ours. */
const REFUSED_STATUS = 254;
const LOST_STATUS = 255;

/** A session channel of the client and the one to the target that it is relayed to (RFC 4254 §6). */
export class Relay implements ChannelListener {
  readonly #session: RelaySession;
  readonly #down: Channel;
  #up: Channel | null = null;
  readonly #gate = new RecorderGate(() => {
    this.#askTarget();
    this.#settle();
  });
  readonly #asks: ClientAsks;
  #sftp: GuardedSftp | null = null;
  readonly #input: Flow;
  readonly #output: Flow;
  readonly #requests = new TargetRequests(this.#gate);
  readonly #voice = new Voice();
  readonly #finished = deferred<RelayRecord | null>();

  #startedAt = 0;
  #isFinishing = false;
  #hasAsked = false;
  #hasDownEof = false;
  #hasUpEof = false;
  #hasUpClosed = false;
  #hasToldEndOfWrite = false;
  #farewell: { readonly sentence: string; readonly status: number } | null = null;

  constructor(session: RelaySession, down: Channel) {
    this.#session = session;
    this.#down = down;
    this.#asks = new ClientAsks({
      scope: session.scope,
      forward: (request) => this.#requests.forward(request),
      terminal: (terminal) => this.#resized(terminal),
      refused: (sentence) => session.refused(sentence),
      notice: (sentence) => this.notice(sentence),
    });
    this.#input = new Flow({
      isReady: () => this.#gate.isOpen && this.#sftp?.isReady !== false,
      accept: (_stream, bytes) => this.#gate.recorder?.input(bytes),
    });
    this.#output = new Flow({
      isReady: () => this.#gate.isOpen,
      accept: (stream, bytes) => {
        this.#gate.recorder?.output(stream, bytes);
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
    const { kind, command, terminal } = this.#asks;
    if (kind === null) return null;
    return { kind, command, size: terminal && { columns: terminal.columns, rows: terminal.rows } };
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
    if (this.#asks.kind === null || this.#farewell) return;
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
    const isAccepted = this.#asks.take(name, data);
    if (wantReply) this.#down.reply(isAccepted);
    if (isAccepted && name === this.#asks.kind) this.#started();
  }

  #resized(terminal: Terminal): void {
    this.#voice.terminal = terminal;
    if (this.#asks.kind !== null) this.#session.watched.started();
  }

  /** Accepted already, so that nothing that the client sends now is lost: the target is waited for after that. */
  #started(): void {
    this.#startedAt = Date.now();
    const { started, command, terminal } = this.#asks;
    const kind = this.#asks.kind ?? 'shell';
    const verdict = permits(this.#session.scope, started);
    if (!verdict.allowed) {
      this.#session.refused(verdict.why);
      return void this.fail(outOfScope(verdict.why), REFUSED_STATUS);
    }
    // A terminal changes bytes: neither what is decided here nor the file log would speak of what arrives.
    if (terminal && kind === 'subsystem') {
      this.#session.refused('a file transfer on a terminal was refused');
      return void this.fail(FILES_ON_TERMINAL, REFUSED_STATUS);
    }
    if (kind === 'subsystem') {
      const flows = { input: this.#input, output: this.#output };
      this.#sftp = GuardedSftp.of(this.#session.scope, flows, (sentence) => this.#session.refused(sentence));
    }
    for (const request of this.#asks.start) this.#requests.forward(request);
    this.#session.watched.started();
    const { record_input, opaque } = this.#session.scope;
    const { environment } = this.#asks;
    const recorder = this.#session.openRecorder(
      {
        ...{ kind, command, terminal, environment, destination: null },
        ...this.#asks.commandHex,
        ...{ recordInput: record_input === true, mayLeaveOut: opaque !== 'refused' },
      },
      () => this.#overrun(),
    );
    // Where there is none the session has been told, and is being cut.
    this.#gate.expect(recorder, () => this.#finish());
    this.#session
      .openChannel(terminal ? 'terminal' : 'data')
      .then((channel) => this.#connected(channel))
      .catch((error: Error) => this.fail(error.message));
  }

  /** Nothing passed that is not kept, and nothing will. */
  #overrun(): void {
    this.#session.refused('more binary data than a recording keeps of a channel was refused');
    this.abandon(MORE_THAN_RECORDED);
  }

  // The target's side.

  #connected(up: Channel): void {
    this.#up = up;
    this.#input.sink = up;
    this.#output.source = up;
    up.listener = {
      data: (stream, bytes) => {
        if (stream === 'stdout' && this.#sftp) this.#sftp.fromTarget(bytes);
        else this.#output.push(stream, bytes);
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
        this.#upClosed();
        this.#settle();
      },
    };
    // What came in one piece with the confirmation came before anybody listened.
    if (!up.mayReceive) this.#hasUpEof = true;
    if (up.isClosed) this.#upClosed();
    if (this.#down.isClosed || this.#down.hasSentClose || up.isClosed) up.close();
    else this.#askTarget();
    this.#settle();
  }

  #upClosed(): void {
    this.#hasUpClosed = true;
    this.#input.stop();
  }

  /** Once it is there and the recorder has the start; before any input, which a channel in which nothing was started drops. */
  #askTarget(): void {
    if (!this.#up || !this.#gate.recorder || this.#hasAsked) return;
    this.#hasAsked = true;
    this.#requests.connect(this.#up);
  }

  #targetReplied(isSuccess: boolean): void {
    const refused = this.#requests.replied(isSuccess);
    if (refused === 'pty') this.notice(TARGET.noTerminal);
    if (refused === 'start') this.fail(TARGET.noStart, REFUSED_STATUS);
  }

  #targetRequested(name: string, data: Buffer): void {
    if (name === 'exit-status' || name === 'exit-signal') this.#requests.ended(name, data);
    else if (name === END_OF_WRITE) this.#endOfWrite();
    this.#settle();
  }

  /** Once: nothing paces a target that says it without end. */
  #endOfWrite(): void {
    if (!this.#hasToldEndOfWrite) this.#down.request(END_OF_WRITE, false, encode());
    this.#hasToldEndOfWrite = true;
  }

  // Both.

  /** Moves what can be moved; once a direction is empty, what comes after its data goes on: exit, EOF, CLOSE, in this order. */
  #settle(): void {
    this.#output.pump();
    this.#input.pump();
    this.#requests.flush();
    if (this.#sftp?.ended && !this.#farewell) {
      this.abandon(`${this.#sftp.ended}.`);
      return;
    }
    this.#speak();
    if (this.#output.isEmpty) this.#endOutput();
    if (this.#input.isEmpty) {
      // Not before the start: in a channel where nothing was started sshd drops it, and the command would wait for it for good.
      if (this.#hasDownEof && this.#hasAsked) this.#up?.eof();
      if (this.#down.isClosed) this.#up?.close();
    }
    if (this.#down.isClosed && (!this.#up || this.#hasUpClosed)) this.#finish();
    if (this.#hasUpClosed) this.#up?.close();
  }

  #speak(): void {
    if (this.#asks.kind === null || (this.#gate.isExpected && !this.#gate.isOpen)) return;
    const line = this.#voice.next(this.#down.room);
    if (!line) return;
    this.#deliver(line);
    if (this.#up) this.#voice.redrawLater(this.#up);
  }

  #deliver({ stream, bytes }: Line): void {
    if (this.#gate.isOpen) this.#gate.recorder?.output(stream, bytes);
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
    const { kind, command, terminal } = this.#asks;
    const recorder = await this.#gate.whenThere;
    if (!recorder || kind === null) return null;
    const record = await recorder.finish(this.#requests.exit);
    return {
      ...{ kind, command, pty: terminal !== null, exit: this.#requests.exit },
      ...{ destination: null, startedAt: this.#startedAt, endedAt: Date.now() },
      ...record,
    };
  }
}
