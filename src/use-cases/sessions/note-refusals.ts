import type { Fingerprint } from '../../access/ids.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';
import type { ConnectionRefusal } from './gateway-control.ts';

/** Address and reason; beyond so many between two flushes only their number is kept. */
const KINDS_MAX = 200;
const FINGERPRINTS_MAX = 5;
/** The audit log stays for good, and whoever has many addresses could fill it: so many of its lines name an address in an hour. */
const LINES_PER_HOUR = 240;
const HOUR_MS = 3_600_000;

export type RefusalNotes = {
  readonly note: (refusal: ConnectionRefusal) => void;
  /** Writes what was noted since the last time. */
  readonly flush: () => Promise<void>;
};

type Kind = {
  readonly address: string;
  readonly reason: string;
  readonly fingerprints: Set<Fingerprint>;
  count: number;
};

type Deps = { readonly store: Store<'audit'>; readonly clock: Clock };

/**
 * Refused connections, as audit events: one for each address and reason between two flushes while there are few of them, and of the
 * others one for each reason, so that a flood stays a few lines.
 */
export function refusalNotes({ store, clock }: Deps): RefusalNotes {
  let kinds = new Map<string, Kind>();
  let others = new Map<string, number>();
  const lines = hourly(LINES_PER_HOUR);
  return {
    note({ address, reason, fingerprint }) {
      const name = `${reason} ${address}`;
      const known = kinds.get(name);
      if (!known && kinds.size >= KINDS_MAX) {
        others.set(reason, (others.get(reason) ?? 0) + 1);
        return;
      }
      const kind = known ?? { address, reason, fingerprints: new Set(), count: 0 };
      kind.count += 1;
      if (fingerprint && kind.fingerprints.size < FINGERPRINTS_MAX) kind.fingerprints.add(fingerprint);
      kinds.set(name, kind);
    },
    async flush() {
      const noted = [...kinds.values()].sort((a, b) => b.count - a.count);
      const summed = others;
      if (noted.length === 0) return;
      kinds = new Map();
      others = new Map();
      const at = clock.now();
      const named = noted.slice(0, lines(at, noted.length));
      for (const { reason, count } of noted.slice(named.length)) summed.set(reason, (summed.get(reason) ?? 0) + count);
      const base = { type: 'connection_refused', at, actor: { kind: 'daypass' } } as const;
      await store.transaction(async (tx) => {
        for (const { address, reason, count, fingerprints } of named) {
          await tx.audit.append({ ...base, facts: { address, reason, count, keys: [...fingerprints] } });
        }
        for (const [reason, count] of summed) {
          await tx.audit.append({ ...base, facts: { address: null, reason, count, keys: [] } });
        }
      });
    },
  };
}

/** How many of those wanted there are left in this hour. */
function hourly(max: number): (now: Date, wanted: number) => number {
  let hour = 0;
  let used = 0;
  return (now, wanted) => {
    const current = Math.floor(now.getTime() / HOUR_MS);
    if (current !== hour) used = 0;
    hour = current;
    const given = Math.min(wanted, max - used);
    used += given;
    return given;
  };
}
