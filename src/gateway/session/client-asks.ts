import { type ChannelAsk, permits, permitsVariable } from '../../access/scopes/permits.ts';
import type { Scope } from '../../access/scopes/scope.ts';
import type { ChannelKind } from '../../access/session.ts';
import { ENVIRONMENT_BYTES_MAX, ENVIRONMENT_MAX } from '../limits.ts';
import {
  type Command,
  readBreak,
  readCommand,
  readSignal,
  readSize,
  readTerminal,
  readVariable,
  type Terminal,
  type Variable,
  writeBreak,
  writeCommand,
  writeSignal,
  writeSize,
  writeTerminal,
  writeVariable,
} from '../ssh/channel-requests.ts';
import { REFUSED_CHANNEL_REQUESTS, refusedSentence } from '../words/refused-features.ts';
import { UNREADABLE_TERMINAL } from '../words/session-words.ts';
import type { TargetRequest } from './target-requests.ts';

/** What a channel's requests need of the channel. */
export type AskHost = {
  readonly scope: Scope;
  /** Something goes on to what was started. */
  forward(request: TargetRequest): void;
  /** The terminal was asked for, or has another size. */
  terminal(terminal: Terminal): void;
  /** Something was asked and refused. */
  refused(sentence: string): void;
  notice(sentence: string): void;
};

/** OpenSSH's PROTOCOL §2.1: its sender reads no more. */
export const END_OF_WRITE = 'eow@openssh.com';

/**
 * What the client asks of one session channel (RFC 4254 §6.2 to §6.9): once what is started in it, and around it what belongs to it.
 * Nothing of it goes on to the target as it came: it is made anew from what the recording has.
 */
export class ClientAsks {
  readonly #host: AskHost;
  #kind: Exclude<ChannelKind, 'tunnel'> | null = null;
  #command: Command | null = null;
  #terminal: Terminal | null = null;
  readonly #environment: Variable[] = [];
  #environmentBytes = 0;
  #hasEndedWriting = false;

  constructor(host: AskHost) {
    this.#host = host;
  }

  /** Null before anything was started. */
  get kind(): Exclude<ChannelKind, 'tunnel'> | null {
    return this.#kind;
  }

  /** The exec line, or the name of the subsystem. */
  get command(): string | null {
    return this.#command?.command ?? null;
  }

  /** Its bytes, where they are no UTF-8. */
  get commandHex(): Pick<Command, 'commandHex'> {
    const { commandHex } = this.#command ?? {};
    return commandHex === undefined ? {} : { commandHex };
  }

  get terminal(): Terminal | null {
    return this.#terminal;
  }

  /** What went on to the target of what the client set. */
  get environment(): readonly Variable[] {
    return this.#environment;
  }

  /** What was started, as the scope decides on it. */
  get started(): ChannelAsk {
    const command = this.command ?? '';
    if (this.#kind === 'exec') return { kind: 'exec', command };
    return this.#kind === 'subsystem' ? { kind: 'subsystem', name: command } : { kind: 'shell' };
  }

  /** What the target is asked for to start it: all of this is in the recording's line of the channel. */
  get start(): readonly TargetRequest[] {
    const { environment } = this;
    const of = (name: string, data: Buffer, expects: TargetRequest['expects']): TargetRequest[] => [
      { name, data, expects, record: null },
    ];
    return [
      ...(this.#terminal ? of('pty-req', writeTerminal(this.#terminal), 'pty') : []),
      ...environment.flatMap((each) => of('env', writeVariable(each), null)),
      ...of(this.#kind ?? 'shell', this.#command ? writeCommand(this.#command) : Buffer.alloc(0), 'start'),
    ];
  }

  /** Whether the request is accepted; a started program is not forwarded here. */
  take(name: string, data: Buffer): boolean {
    switch (name) {
      case 'pty-req':
        return this.#requestTerminal(data);
      case 'env':
        return this.#setVariable(data);
      case 'shell':
      case 'exec':
      case 'subsystem':
        return this.#start(name, data);
      case 'window-change':
        this.#resize(data);
        return true;
      case 'signal':
        return this.#tell(name, readSignal(data), writeSignal, (signal) => ({ name: signal }));
      // RFC 4335 §3.
      case 'break':
        return this.#tell(name, readBreak(data), writeBreak, (milliseconds) => ({ milliseconds }));
      case END_OF_WRITE:
        return this.#endWriting();
      default:
        return this.#refuse(name);
    }
  }

  #start(name: Exclude<ChannelKind, 'tunnel'>, data: Buffer): boolean {
    if (this.#kind !== null) return false;
    const command = name === 'shell' ? null : readCommand(data);
    if (name !== 'shell' && command === null) return false;
    this.#command = command;
    this.#kind = name;
    return true;
  }

  /** Passes on what somebody tells the program beside its input, and has it in the journal. */
  #tell<T>(what: string, value: T | null, write: (value: T) => Buffer, fact: (value: T) => object): boolean {
    if (value === null || this.#kind === null) return false;
    const noted = { what, ...fact(value) };
    const data = write(value);
    this.#host.forward({ name: what, data, expects: null, record: (recorder) => recorder.note(noted) });
    return true;
  }

  /** Once: said again it means nothing more. */
  #endWriting(): boolean {
    if (this.#kind === null) return false;
    const data = Buffer.alloc(0);
    if (!this.#hasEndedWriting) this.#host.forward({ name: END_OF_WRITE, data, expects: null, record: null });
    this.#hasEndedWriting = true;
    return true;
  }

  #setVariable(data: Buffer): boolean {
    const variable = readVariable(data);
    if (!variable || this.#kind !== null || !permitsVariable(this.#host.scope, variable)) return false;
    if (this.#environment.length >= ENVIRONMENT_MAX) return false;
    if (this.#environmentBytes + data.length > ENVIRONMENT_BYTES_MAX) return false;
    this.#environment.push(variable);
    this.#environmentBytes += data.length;
    return true;
  }

  #requestTerminal(data: Buffer): boolean {
    if (this.#terminal || this.#kind !== null) return false;
    const terminal = readTerminal(data);
    if (!terminal) return this.#unreadable();
    const verdict = permits(this.#host.scope, { kind: 'pty' });
    if (!verdict.allowed) {
      this.#host.refused(verdict.why);
      return false;
    }
    this.#terminal = terminal;
    this.#host.terminal(terminal);
    return true;
  }

  #unreadable(): false {
    this.#host.refused('a terminal whose size or modes cannot be read was refused');
    this.#host.notice(UNREADABLE_TERMINAL);
    return false;
  }

  #resize(data: Buffer): void {
    const size = readSize(data);
    if (!size || !this.#terminal) return;
    this.#terminal = { ...this.#terminal, ...size };
    this.#host.terminal(this.#terminal);
    if (this.#kind === null) return;
    const record: TargetRequest['record'] = (recorder) => recorder.resize(size);
    this.#host.forward({ name: 'window-change', data: writeSize(size), expects: null, record });
  }

  #refuse(name: string): false {
    const refusal = REFUSED_CHANNEL_REQUESTS.get(name);
    if (!refusal) return false;
    this.#host.refused(`${refusal.what} was refused`);
    this.#host.notice(`${refusedSentence(refusal)}.`);
    return false;
  }
}
