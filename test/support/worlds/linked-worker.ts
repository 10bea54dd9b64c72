import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { z } from 'zod';
import type { SessionId } from '../../../src/access/ids.ts';
import { MessagePipe } from '../../../src/gateway/pipe/message-pipe.ts';
import { AtDoor, FromWorker, type Handed, type ToWorker } from '../../../src/gateway/pipe/worker-messages.ts';
import { ControlLink, type Listeners } from '../../../src/gateway/worker/control-link.ts';
import { streamPair, turn } from '../peers/stream-pair.ts';

const Said = z.union([FromWorker, AtDoor]);
type Said = z.infer<typeof Said>;

/** A listener's name, and what it was called with. */
type Told = readonly [keyof Listeners, ...unknown[]];

/** A worker's end of its pipe to control, in memory: the test plays control, Node's channel and the process. */
export class LinkedWorker {
  readonly link: ControlLink;
  /** The listeners that were called. */
  readonly told: Told[] = [];
  /** What the worker sent. */
  readonly said: Said[] = [];
  readonly exits: number[] = [];
  sessions = 0;
  /** What it says that it carries, whomever it is asked about. */
  carried: readonly SessionId[] = [];
  readonly #node = new EventEmitter();
  readonly #control: MessagePipe;
  readonly #far;

  static async start(): Promise<LinkedWorker> {
    const worker = new LinkedWorker();
    await turn();
    return worker;
  }

  private constructor() {
    const [near, far] = streamPair();
    this.#far = far;
    const told =
      (name: keyof Listeners) =>
      (...args: readonly unknown[]): void =>
        void this.told.push([name, ...args]);
    this.link = new ControlLink(
      {
        ...{ registry: told('registry'), start: told('start'), socket: told('socket'), turnAway: told('turnAway') },
        ...{ terminate: told('terminate'), extend: told('extend'), drain: told('drain'), watch: told('watch') },
        ...{ leaseLost: told('leaseLost'), sessions: () => this.sessions, carries: () => this.carried },
      },
      { pipe: near, sockets: this.#node, exit: (code) => void this.exits.push(code) },
    );
    this.#control = new MessagePipe(far, {
      message: (message) => void this.said.push(Said.parse(message)),
      ...{ broken: () => {}, end: () => {} },
    });
  }

  /** Control sends a message. */
  hears(message: ToWorker | object): void {
    this.#control.send(message);
  }

  hearsText(text: string): void {
    this.#far.write(text);
  }

  /** Control closes the pipe. */
  async loses(): Promise<void> {
    this.#far.destroy();
    await turn();
  }

  /** Node's channel delivers a message, with a socket or without. */
  isHanded(handed: Handed | object, handle?: Socket): void {
    this.#node.emit('message', handed, handle);
  }

  disconnect(): void {
    this.#node.emit('disconnect');
  }

  saidOf<Type extends Said['type']>(type: Type): Extract<Said, { type: Type }>[] {
    return this.said.filter((each): each is Extract<Said, { type: Type }> => each.type === type);
  }
}
