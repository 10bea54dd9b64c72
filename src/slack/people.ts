import type { Log } from '../log.ts';
import { seePerson } from '../use-cases/see-person.ts';
import type { Edge } from './edge.ts';

const EVERY_MS = 10 * 60_000;
const PEOPLE_MAX = 5_000;

/**
 * Keeps what is known of people true: a deactivation that Slack announced, or one that happened while nobody listened, takes a
 * person's access with it.
 */
export class PeopleWatch implements AsyncDisposable {
  readonly #edge: Edge;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  #reading: Promise<void> | null = null;
  #stopped = false;

  constructor(edge: Edge) {
    this.#edge = edge;
    this.#log = edge.log;
    this.#timer = setInterval(() => this.readAll(), EVERY_MS);
    this.readAll();
  }

  /** Reads one account anew if its person is known; Slack's event is believed only as far as to ask. */
  async read(userId: string): Promise<void> {
    const found = await this.#edge.directory.find(userId);
    if (!found) return;
    const { teamId } = found.account;
    const known = await this.#edge.store.transaction((tx) => tx.persons.byAccount(teamId, userId));
    if (known) await seePerson(this.#edge)(found);
  }

  /** One reading at a time, one account after the other: Slack counts these calls. */
  readAll(): void {
    if (this.#stopped) return;
    this.#reading ??= this.#readEach().finally(() => {
      this.#reading = null;
    });
  }

  async #readEach(): Promise<void> {
    try {
      const people = await this.#edge.store.transaction((tx) => tx.persons.all());
      const accounts = people.filter((person) => person.active).flatMap((person) => person.accounts);
      for (const { userId } of accounts.slice(0, PEOPLE_MAX)) {
        if (this.#stopped) return;
        await this.read(userId);
      }
    } catch (error) {
      this.#log.warn({ err: error }, 'people could not be read from Slack; they are on the timer');
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#reading;
  }
}
