import { createHash } from 'node:crypto';
import { Digest, type Fingerprint } from '../../access/ids.ts';
import type { RegistryEntry } from '../../access/registry-entry.ts';
import { REGISTRY_MAX, REGISTRY_PIECE_MAX } from '../limits.ts';

export type KeyState = 'in_use' | 'retired' | 'unknown';
export type CodeState = 'live' | 'over' | 'unknown';

/**
 * What is registered, as control last said. A worker answers offers by it and asks nobody: what has to be asked for is scarce, and
 * strangers would use it up. It opens nothing, because control decides each signed login by the database.
 */
export class Registry {
  /** Whether it was retired. */
  readonly #keys = new Map<Fingerprint, boolean>();
  /** Until when, in milliseconds since the epoch. */
  readonly #codes = new Map<Digest, number>();

  /** Whether that is new. */
  know(entry: RegistryEntry): boolean {
    return entry.kind === 'key'
      ? keep(this.#keys, entry.fingerprint, entry.isRetired, REGISTRY_MAX.keys)
      : keep(this.#codes, entry.digest, entry.until, REGISTRY_MAX.codes);
  }

  key(fingerprint: Fingerprint): KeyState {
    const isRetired = this.#keys.get(fingerprint);
    if (isRetired === undefined) return 'unknown';
    return isRetired ? 'retired' : 'in_use';
  }

  code(code: string, now: Date): CodeState {
    const until = this.#codes.get(registrationDigest(code));
    if (until === undefined) return 'unknown';
    return now.getTime() < until ? 'live' : 'over';
  }

  /** The oldest first. */
  get entries(): RegistryEntry[] {
    const keys = [...this.#keys].map(([fingerprint, isRetired]) => ({ kind: 'key', fingerprint, isRetired }) as const);
    return [...keys, ...[...this.#codes].map(([digest, until]) => ({ kind: 'code', digest, until }) as const)];
  }
}

/** The oldest go first. */
function keep<Key, Value>(map: Map<Key, Value>, key: Key, value: Value, max: number): boolean {
  if (map.get(key) === value) return false;
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > max && oldest !== undefined) map.delete(oldest);
  return true;
}

/** As control makes it: SHA-256 over RFC 8785 JSON, which for one string is what JSON.stringify writes. */
export const registrationDigest = (code: string): Digest =>
  Digest.parse(
    createHash('sha256')
      .update(JSON.stringify({ registrationCode: code.toLowerCase() }))
      .digest('hex'),
  );

/**
 * What one worker is told of the registry: all of it before it starts, piece by piece as it takes them, so that no pipe has to hold
 * the whole; and from then on each change at once.
 */
export class Briefing {
  readonly #rest: RegistryEntry[];
  readonly #tell: (entries: RegistryEntry[]) => void;
  readonly #done: () => void;
  #isDone = false;

  constructor(entries: readonly RegistryEntry[], tell: (entries: RegistryEntry[]) => void, done: () => void) {
    this.#rest = [...entries];
    this.#tell = tell;
    this.#done = done;
    this.#next();
  }

  /** The worker has the last piece. */
  taken(): void {
    if (!this.#isDone) this.#next();
  }

  know(entry: RegistryEntry): void {
    if (this.#isDone) this.#tell([entry]);
    else this.#rest.push(entry);
  }

  #next(): void {
    const piece = this.#rest.splice(0, REGISTRY_PIECE_MAX);
    if (piece.length > 0) return void this.#tell(piece);
    this.#isDone = true;
    this.#done();
  }
}
