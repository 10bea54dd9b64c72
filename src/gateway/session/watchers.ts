import type { Shown } from '../../access/shown.ts';
import { WATCH_BYTES_MAX, WATCH_COMMAND_MAX, WATCH_FLUSH_MS, WATCH_MESSAGE_MAX } from '../limits.ts';
import type { Stream } from '../ssh/channel.ts';

type Send = (shown: readonly Shown[]) => void;

/** Those who look on at a session. They see what passes as far as they keep up: nothing waits for them. */
export class Watchers {
  readonly #watching = new Map<number, Watcher>();

  add(id: number, send: Send, open: readonly Shown[]): void {
    const watcher = new Watcher(send);
    this.#watching.set(id, watcher);
    for (const each of open) watcher.add(each);
  }

  remove(id: number): void {
    this.#watching.get(id)?.flush();
    this.#watching.delete(id);
  }

  output(channel: number, stream: Stream, bytes: Buffer): void {
    for (const watcher of this.#watching.values()) watcher.output(channel, stream, bytes);
  }

  show(shown: Shown): void {
    for (const watcher of this.#watching.values()) watcher.add(shown);
  }

  /** What was to be shown is sent, and their ids are told. */
  end(): readonly number[] {
    const ids = [...this.#watching.keys()];
    for (const id of ids) this.remove(id);
    return ids;
  }
}

/** Of an entry beside its command and its output. */
const ENTRY_MAX = 200;

/** JSON says a control character in six. */
function lengthOf(shown: Shown): number {
  if (shown.show === 'channel') return ENTRY_MAX + 6 * (shown.command?.length ?? 0);
  return ENTRY_MAX + (shown.show === 'output' ? shown.bytes.length : 0);
}

const cut = (command: string | null): string | null =>
  command !== null && command.length > WATCH_COMMAND_MAX ? `${command.slice(0, WATCH_COMMAND_MAX - 1)}…` : command;

class Watcher {
  readonly #send: Send;
  #waiting: Shown[] = [];
  #bytes = 0;
  /** Of what waits, as JSON at its longest. */
  #length = 0;
  #lost = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(send: Send) {
    this.#send = send;
  }

  output(channel: number, stream: Stream, bytes: Buffer): void {
    // Base64 says three bytes in four characters.
    const room = Math.floor((WATCH_MESSAGE_MAX - this.#length - ENTRY_MAX) / 4) * 3;
    const kept = bytes.subarray(0, Math.max(0, Math.min(room, WATCH_BYTES_MAX - this.#bytes)));
    this.#lost += bytes.length - kept.length;
    this.#bytes += kept.length;
    if (kept.length > 0) this.add({ show: 'output', channel, stream, bytes: kept.toString('base64') });
  }

  add(shown: Shown): void {
    const command = shown.show === 'channel' ? cut(shown.command) : null;
    const short = shown.show === 'channel' ? { ...shown, command } : shown;
    const length = lengthOf(short);
    // Only a terminal changes its size so often; the next change tells.
    if (this.#length + length > WATCH_MESSAGE_MAX) return;
    this.#length += length;
    this.#waiting.push(short);
    this.#timer ??= setTimeout(() => this.flush(), WATCH_FLUSH_MS);
  }

  flush(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const shown = this.#waiting.splice(0);
    if (this.#lost > 0) shown.push({ show: 'lost', bytes: this.#lost });
    this.#bytes = 0;
    this.#length = 0;
    this.#lost = 0;
    if (shown.length > 0) this.#send(shown);
  }
}
