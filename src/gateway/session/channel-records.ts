import { createHash, type Hash } from 'node:crypto';
import type { Digest } from '../../access/ids.ts';
import type { FileCounts } from '../../access/session.ts';
import { RECORDS_GROUPS_MAX, RECORDS_MAX } from '../limits.ts';
import type { RelayRecord } from './relay.ts';

export type NumberedRecord = RelayRecord & { readonly number: number };

const DIGESTS = ['stdoutSha256', 'stderrSha256', 'stdinSha256'] as const;

/**
 * What is told of the channels of one session when it is over. A session may have any number of them, one after the other: the last
 * ones are told one by one, and earlier ones, tunnels first, as groups that say how many they were. The recording's journal has each
 * of them.
 */
export class ChannelRecords {
  readonly #tunnels: NumberedRecord[] = [];
  readonly #others: NumberedRecord[] = [];
  readonly #groups = new Map<string, Group>();

  add(record: NumberedRecord): void {
    (record.kind === 'tunnel' ? this.#tunnels : this.#others).push(record);
    if (this.#tunnels.length + this.#others.length <= RECORDS_MAX) return;
    const oldest = this.#tunnels.shift() ?? this.#others.shift();
    if (oldest) this.#group(oldest).add(oldest);
  }

  /** A group stands where its first channel would. */
  get all(): readonly NumberedRecord[] {
    const groups = [...this.#groups.values()].map((group) => group.record);
    return [...groups, ...this.#tunnels, ...this.#others].sort((a, b) => a.number - b.number);
  }

  #group({ kind, label, coverage, pty, destination }: NumberedRecord): Group {
    const place = destination && `${destination.host}:${destination.port}`;
    const named = JSON.stringify([kind, label, coverage, pty, place]);
    // Destinations are the client's to choose: beyond so many they share a group that names none.
    const isRoom = this.#groups.has(named) || this.#groups.size < RECORDS_GROUPS_MAX;
    const key = isRoom ? named : JSON.stringify([kind, label, coverage, pty, null]);
    const group = this.#groups.get(key) ?? new Group(isRoom ? destination : null);
    this.#groups.set(key, group);
    return group;
  }
}

/** Channels of one kind to one place, added up. */
class Group {
  readonly #destination: RelayRecord['destination'];
  readonly #hashes = DIGESTS.map((name) => ({ name, hash: createHash('sha256') }));
  #sum: NumberedRecord | null = null;
  #count = 0;

  constructor(destination: RelayRecord['destination']) {
    this.#destination = destination;
  }

  add(record: NumberedRecord): void {
    for (const { name, hash } of this.#hashes) hash.update(Buffer.from(record[name], 'hex'));
    this.#count += 1;
    const sum = this.#sum ?? { ...record, ...NOTHING, command: null, exit: null, destination: this.#destination };
    this.#sum = {
      ...sum,
      number: Math.min(sum.number, record.number),
      bytesFromClient: sum.bytesFromClient + record.bytesFromClient,
      bytesToClient: sum.bytesToClient + record.bytesToClient,
      startedAt: Math.min(sum.startedAt, record.startedAt),
      endedAt: Math.max(sum.endedAt, record.endedAt),
      files: addFiles(sum.files, record.files),
    };
  }

  /** Its digests are over the digests of its channels, in the order in which they ended. */
  get record(): NumberedRecord {
    if (!this.#sum) throw new Error('a group of no channels');
    const digests = this.#hashes.map(({ name, hash }) => [name, digestOf(hash)]);
    return { ...this.#sum, ...Object.fromEntries(digests), count: this.#count };
  }
}

const NOTHING = { bytesFromClient: 0, bytesToClient: 0, files: null } as const;

const digestOf = (hash: Hash): Digest => hash.copy().digest('hex') as Digest;

function addFiles(a: FileCounts | null, b: FileCounts | null): FileCounts | null {
  if (!a || !b) return a ?? b;
  const sum = (name: keyof FileCounts): number => a[name] + b[name];
  return {
    read: sum('read'),
    written: sum('written'),
    changed: sum('changed'),
    refused: sum('refused'),
    hashed: sum('hashed'),
  };
}
