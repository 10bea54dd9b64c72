import { createHash, type Hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { z } from 'zod';

/** The audit log as a hash chain: each event has the hash of the event before it, and a hash of its own over that and what it says. */

/** What the first event has for the hash of the one before it. */
export const NO_EVENT = '0'.repeat(64);

/** An event as a line of the events stream has it. */
export type EventContent = {
  /** Its number. */
  readonly id: number;
  readonly type: string;
  /** ISO 8601, UTC, with milliseconds. */
  readonly at: string;
  readonly actor: unknown;
  readonly facts: unknown;
};

/** SHA-256 over the RFC 8785 JSON of exactly these six fields. Throws where a field is not JSON. */
export const eventHash = ({ id, type, at, actor, facts }: EventContent, prev: string): string =>
  createHash('sha256').update(jsonOf({ id, prev, type, at, actor, facts }), 'utf8').digest('hex');

function jsonOf(value: object): string {
  const json = canonicalize(value);
  if (json === undefined) throw new TypeError('an audit event is hashed as JSON');
  return json;
}

/** What the first event of a chain says of the events before it, which have no hashes. */
export const Earlier = z.object({ events: z.int().positive(), digest: z.string() }).readonly();
export type Earlier = z.infer<typeof Earlier>;

/** The events from before the chain, in their order: how many, and SHA-256 over the RFC 8785 JSON of each with a line feed behind it. */
export class EarlierEvents {
  readonly #hash: Hash = createHash('sha256');
  #events = 0;

  add({ id, type, at, actor, facts }: EventContent): void {
    this.#hash.update(`${jsonOf({ id, type, at, actor, facts })}\n`, 'utf8');
    this.#events += 1;
  }

  get sum(): Earlier {
    return { events: this.#events, digest: this.#hash.copy().digest('hex') };
  }
}
