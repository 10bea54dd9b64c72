import { z } from 'zod';
import { Digest, EngagementId, OffboardingId, PersonId } from '../access/ids.ts';
import { evidenceOf, isProved, OFFBOARDING_WHY, type Offboarding, totalOf } from '../access/offboarding.ts';
import type { Tx } from '../use-cases/ports/store.ts';

const Count = z.int();
const Who = z.looseObject({ kind: z.string() });

export const OffboardingRow = z.strictObject({
  id: OffboardingId,
  state: z.enum(['not proved', 'checklist open', 'complete']),
  /** Null: everybody in the engagements. */
  person: z.string().nullable(),
  /** Null: everywhere. */
  engagements: z.array(z.string()).nullable(),
  why: z.enum(OFFBOARDING_WHY),
  at: z.iso.datetime(),
  grants: Count,
  requests: Count,
  sessions: Count,
  keys: Count,
  left: z
    .strictObject({ at: z.iso.datetime(), workers: Count, answered: Count, sessions: Count, grants: Count })
    .nullable(),
  ticked: Count,
  items: Count,
});
export type OffboardingRow = z.infer<typeof OffboardingRow>;

/** `evidence` is what the digest is over, as RFC 8785 JSON; the names are beside it, so that they can be erased. */
export const OffboardingShown = z.strictObject({
  offboarding: OffboardingRow,
  evidence: z.looseObject({
    id: OffboardingId,
    by: Who,
    reason: z.string().nullable(),
    parts: z.array(z.looseObject({ engagementId: EngagementId })),
    items: z.array(
      z.strictObject({
        text: z.string(),
        tick: z.strictObject({ by: PersonId, at: z.iso.datetime(), note: z.string().nullable() }).nullable(),
      }),
    ),
  }),
  completedAt: z.iso.datetime().nullable(),
  digest: Digest.nullable(),
  names: z.record(z.string(), z.string()),
});
export type OffboardingShown = z.infer<typeof OffboardingShown>;

type Parts = 'offboardings' | 'persons' | 'engagements';

export async function listOffboardings(tx: Tx<Parts>, limit: number): Promise<OffboardingRow[]> {
  const rows: OffboardingRow[] = [];
  for (const offboarding of await tx.offboardings.list(limit)) rows.push(await rowOf(tx, offboarding));
  return rows;
}

export async function showOffboarding(tx: Tx<Parts>, id: OffboardingId): Promise<OffboardingShown | null> {
  const offboarding = await tx.offboardings.byId(id);
  if (!offboarding) return null;
  const { personId, by, items, completed } = offboarding;
  const people = [
    ...(personId ? [personId] : []),
    ...(by.kind === 'person' ? [by.id] : []),
    ...items.flatMap(({ tick }) => tick?.by ?? []),
  ];
  return {
    ...{ offboarding: await rowOf(tx, offboarding), evidence: JSON.parse(JSON.stringify(evidenceOf(offboarding))) },
    ...{ completedAt: completed?.at.toISOString() ?? null, digest: completed?.digest ?? null },
    names: Object.fromEntries(await tx.persons.names([...new Set(people)])),
  };
}

async function rowOf(tx: Tx<Parts>, offboarding: Offboarding): Promise<OffboardingRow> {
  const { id, personId, engagementIds, why, at, parts, keys, left, items, completed } = offboarding;
  const engagements = engagementIds && (await tx.engagements.byIds(engagementIds));
  const open = isProved(offboarding) ? 'checklist open' : 'not proved';
  return {
    ...{ id, state: completed ? 'complete' : open, person: personId && (await tx.persons.name(personId)) },
    engagements: engagementIds?.map((of) => engagements?.find((each) => each.id === of)?.name ?? of) ?? null,
    ...{ why, at: at.toISOString(), ...totalOf(parts), keys },
    left: left && { ...left, at: left.at.toISOString() },
    ...{ ticked: items.filter(({ tick }) => tick !== null).length, items: items.length },
  };
}
