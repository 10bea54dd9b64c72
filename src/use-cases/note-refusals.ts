import type { Fingerprint } from '../access/ids.ts';
import type { ConnectionRefusal } from './gateway-control.ts';
import type { Clock, Store } from './ports.ts';

/** Address and reason; beyond so many between two flushes only their number is kept. */
const KINDS_MAX = 200;
const FINGERPRINTS_MAX = 5;

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

/** Refused connections, as audit events: one for each address and reason between two flushes, so that a flood stays a few lines. */
export function refusalNotes({ store, clock }: { readonly store: Store; readonly clock: Clock }): RefusalNotes {
  let kinds = new Map<string, Kind>();
  let others = 0;
  return {
    note({ address, reason, fingerprint }) {
      const name = `${reason} ${address}`;
      const known = kinds.get(name);
      if (!known && kinds.size >= KINDS_MAX) {
        others += 1;
        return;
      }
      const kind = known ?? { address, reason, fingerprints: new Set(), count: 0 };
      kind.count += 1;
      if (fingerprint && kind.fingerprints.size < FINGERPRINTS_MAX) kind.fingerprints.add(fingerprint);
      kinds.set(name, kind);
    },
    async flush() {
      const noted = [...kinds.values()];
      const more = others;
      if (noted.length === 0) return;
      kinds = new Map();
      others = 0;
      const base = { type: 'connection_refused', at: clock.now(), actor: { kind: 'daypass' } } as const;
      await store.transaction(async (tx) => {
        for (const { address, reason, count, fingerprints } of noted) {
          await tx.audit.append({ ...base, facts: { address, reason, count, keys: [...fingerprints] } });
        }
        if (more > 0)
          await tx.audit.append({ ...base, facts: { address: null, reason: 'others', count: more, keys: [] } });
      });
    },
  };
}
