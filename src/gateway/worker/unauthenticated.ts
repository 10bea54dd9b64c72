import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { NOT_TO_COME_MAX } from '../limits.ts';
import type { AtDoor } from '../pipe/worker-messages.ts';
import type { ControlLink } from './control-link.ts';

/** Connections that have not logged in, by their number. Who handed them over is told how far each has come. */
export class Unauthenticated {
  readonly #link: Pick<ControlLink, 'atDoor'>;
  readonly #sockets = new Map<number, Socket>();
  readonly #numbers = new WeakMap<Duplex, number>();
  /** Those that are to be turned away and have not arrived: orders and sockets come by different ways. */
  readonly #notToCome = new Set<number>();

  constructor(link: Pick<ControlLink, 'atDoor'>) {
    this.#link = link;
  }

  add(number: number, socket: Socket): void {
    this.#sockets.set(number, socket);
    this.#numbers.set(socket, number);
    socket.once('close', () => this.#over(number, 'gone'));
  }

  find(number: number): Socket | null {
    return this.#sockets.get(number) ?? null;
  }

  expectNot(number: number): void {
    this.#notToCome.add(number);
    const [oldest] = this.#notToCome;
    if (this.#notToCome.size > NOT_TO_COME_MAX && oldest !== undefined) this.#notToCome.delete(oldest);
  }

  /** Whether it was to be turned away before it came; that is said once. */
  isNotToCome(number: number): boolean {
    return this.#notToCome.delete(number);
  }

  /** Nobody waits for how far a connection inside a jump has come: it has no number. */
  reached(socket: Duplex, step: 'kex' | 'offer', key: AtDoor['key']): void {
    const number = this.#numbers.get(socket);
    if (number !== undefined) this.#link.atDoor(number, step, key);
  }

  isIn(socket: Duplex): void {
    const number = this.#numbers.get(socket);
    if (number !== undefined) this.#over(number, 'in');
  }

  #over(number: number, how: 'in' | 'gone'): void {
    if (this.#sockets.delete(number)) this.#link.atDoor(number, how);
  }
}
