import { SECURITY_LANE } from '../notice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';

type Deps = { readonly store: Store<'audit' | 'outbox'>; readonly clock: Clock };

/** What is wrong with a file, and its hash; null where it cannot be read. */
export type RefusedFile = {
  readonly file: string;
  readonly line: number | null;
  readonly reason: string;
  readonly sha256: string | null;
};

const actor = { kind: 'daypass' } as const;

/** Writes down with which files Daypass began. */
export const noteLoaded =
  ({ store, clock }: Deps) =>
  (facts: { readonly policySha256: string; readonly targetsSha256: string }): Promise<void> =>
    store.transaction((tx) => tx.audit.append({ type: 'configuration_loaded', at: clock.now(), actor, facts }));

/** Tells security's channel of a file that cannot be used; what was in force stays. */
export const noteRefused =
  ({ store, clock }: Deps) =>
  ({ file, line, reason, sha256 }: RefusedFile): Promise<void> =>
    store.transaction(async (tx) => {
      const at = clock.now();
      await tx.audit.append({ type: 'configuration_refused', at, actor, facts: { file, line, sha256 } });
      await tx.outbox.enqueue(
        { kind: 'configuration_refused', at: at.toISOString(), file, line, reason },
        SECURITY_LANE,
      );
    });

/** Tells security's channel that it is over. */
export const noteMended =
  ({ store, clock }: Deps) =>
  (): Promise<void> =>
    store.transaction(async (tx) => {
      await tx.outbox.enqueue({ kind: 'configuration_mended', at: clock.now().toISOString() }, SECURITY_LANE);
    });
