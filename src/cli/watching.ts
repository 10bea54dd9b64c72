import type { Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { withoutControls } from '../access/printable.ts';
import type { Shown } from '../access/shown.ts';
import type { Watcher } from '../use-cases/ports/gateways.ts';
import { TerminalFilter } from './terminal-filter.ts';

type Channel = { readonly filter: TerminalFilter; readonly decoder: StringDecoder };

/** Shows a session on an operator's terminal: what it draws, and nothing that would act on that terminal. */
export class Watching implements Omit<Watcher, 'isTold'> {
  readonly ended: Promise<void>;
  readonly over: () => void;
  readonly #out: Writable;
  readonly #channels = new Map<string, Channel>();
  #last: number | null = null;

  constructor(out: Writable) {
    this.#out = out;
    let over = (): void => {};
    this.ended = new Promise((resolve) => {
      over = resolve;
    });
    this.over = () => {
      this.#line('session ended, or no longer watched');
      over();
    };
  }

  see(shown: Shown): void {
    switch (shown.show) {
      case 'channel': {
        const size = shown.size ? `, ${shown.size.columns}x${shown.size.rows}` : '';
        const what = shown.command === null ? shown.kind : `${shown.kind} ${withoutControls(shown.command)}`;
        this.#line(`channel ${shown.channel}: ${what.slice(0, 200)}${size}`);
        this.#last = shown.channel;
        break;
      }
      case 'output':
        if (this.#last !== shown.channel) this.#line(`channel ${shown.channel}`);
        this.#last = shown.channel;
        this.#out.write(this.#harmless(`${shown.channel} ${shown.stream}`, shown.bytes));
        break;
      case 'lost':
        this.#line(`${shown.bytes} bytes passed too fast to show; the recording has them`);
        break;
      default:
        shown satisfies never;
    }
  }

  #harmless(name: string, base64: string): string {
    const channel = this.#channels.get(name) ?? { filter: new TerminalFilter(), decoder: new StringDecoder('utf8') };
    this.#channels.set(name, channel);
    return channel.filter.write(channel.decoder.write(Buffer.from(base64, 'base64')));
  }

  #line(text: string): void {
    this.#out.write(`\r\n-- ${text} --\r\n`);
  }
}
