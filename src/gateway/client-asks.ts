import { type ChannelAsk, permits, permitsVariable } from '../access/permits.ts';
import type { Scope } from '../access/scope.ts';
import type { ChannelKind } from '../access/session.ts';
import { readCommand, readSize, readTerminal, readVariable, type Terminal, type Variable } from './channel-requests.ts';
import { ENVIRONMENT_BYTES_MAX, ENVIRONMENT_MAX } from './limits.ts';
import { REFUSED_CHANNEL_REQUESTS, refusedSentence } from './refused-features.ts';
import type { TargetRequest } from './target-requests.ts';

/** What a channel's requests need of the channel. */
export type AskHost = {
  readonly scope: Scope;
  forward(request: TargetRequest): void;
  /** The terminal was asked for, or has another size. */
  terminal(terminal: Terminal): void;
  /** Something was asked and refused. */
  refused(sentence: string): void;
  notice(sentence: string): void;
};

/** OpenSSH's PROTOCOL §2.1: its sender reads no more. */
export const END_OF_WRITE = 'eow@openssh.com';

/** What the client asks of one session channel (RFC 4254 §6.2 to §6.9): once what is started in it, and around it what belongs to it. */
export class ClientAsks {
  readonly #host: AskHost;
  #kind: Exclude<ChannelKind, 'tunnel'> | null = null;
  #command: string | null = null;
  #terminal: Terminal | null = null;
  readonly #environment: Variable[] = [];
  #environmentBytes = 0;

  constructor(host: AskHost) {
    this.#host = host;
  }

  /** Null before anything was started. */
  get kind(): Exclude<ChannelKind, 'tunnel'> | null {
    return this.#kind;
  }

  /** The exec line, or the name of the subsystem. */
  get command(): string | null {
    return this.#command;
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
    const command = this.#command ?? '';
    if (this.#kind === 'exec') return { kind: 'exec', command };
    return this.#kind === 'subsystem' ? { kind: 'subsystem', name: command } : { kind: 'shell' };
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
      // RFC 4335 §3.
      case 'break':
      case END_OF_WRITE:
        if (this.#kind !== null) this.#host.forward({ name, data, expects: null });
        return this.#kind !== null;
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

  #setVariable(data: Buffer): boolean {
    const variable = readVariable(data);
    if (!variable || this.#kind !== null || !permitsVariable(this.#host.scope, variable)) return false;
    if (this.#environment.length >= ENVIRONMENT_MAX) return false;
    if (this.#environmentBytes + data.length > ENVIRONMENT_BYTES_MAX) return false;
    this.#environment.push(variable);
    this.#environmentBytes += data.length;
    this.#host.forward({ name: 'env', data, expects: null });
    return true;
  }

  #requestTerminal(data: Buffer): boolean {
    const terminal = readTerminal(data);
    if (!terminal || this.#terminal || this.#kind !== null) return false;
    const verdict = permits(this.#host.scope, { kind: 'pty' });
    if (!verdict.allowed) {
      this.#host.refused(verdict.why);
      return false;
    }
    this.#terminal = terminal;
    this.#host.terminal(terminal);
    this.#host.forward({ name: 'pty-req', data, expects: 'pty' });
    return true;
  }

  #resize(data: Buffer): void {
    const size = readSize(data);
    if (!size || !this.#terminal) return;
    this.#terminal = { ...this.#terminal, ...size };
    this.#host.terminal(this.#terminal);
    this.#host.forward({ name: 'window-change', data, expects: null });
  }

  #refuse(name: string): false {
    const refusal = REFUSED_CHANNEL_REQUESTS.get(name);
    if (!refusal) return false;
    this.#host.refused(`${refusal.what} was asked for and refused`);
    this.#host.notice(`${refusedSentence(refusal)}.`);
    return false;
  }
}
