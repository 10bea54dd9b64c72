import { z } from 'zod';
import { Actor } from '../access/audit-event.ts';
import { Digest, EngagementId, OffboardingId, PersonId } from '../access/ids.ts';
import { evidenceOf, isProved, OFFBOARDING_WHY, type Offboarding } from '../access/offboarding.ts';
import type { Offboardings } from '../use-cases/ports/offboardings.ts';
import { changedOne, instant, instantOrNull, json, read, Timestamp, text, textOrNull } from './rows.ts';
import type { Sealing } from './sealing.ts';
import type { Trx } from './tables.ts';

const Count = z.int().nonnegative();
const Instant = z.iso.datetime().transform((at) => new Date(at));
const Part = z.strictObject({ engagementId: EngagementId, grants: Count, requests: Count, sessions: Count });
const LeftOver = z.strictObject({ at: Instant, workers: Count, answered: Count, sessions: Count, grants: Count });
const Item = z.strictObject({
  text: z.string(),
  tick: z.strictObject({ by: PersonId, at: Instant, note: z.string().nullable() }).nullable(),
});
const OffboardingRow = z.object({
  id: OffboardingId,
  person_id: PersonId.nullable(),
  engagement_ids: z.array(EngagementId).nullable(),
  why: z.enum(OFFBOARDING_WHY),
  begun_by: Actor,
  begun_at: Timestamp,
  reason: z.string().nullable(),
  parts: z.array(Part),
  keys: Count,
  left_over: LeftOver.nullable(),
  items: z.array(Item),
  completed_at: Timestamp.nullable(),
  digest: Digest.nullable(),
  mac: z.string(),
});

/** The evidence, and whether it is complete. */
const sealedOffboarding = (offboarding: Offboarding): object => ({
  ...evidenceOf(offboarding),
  completed: offboarding.completed && { ...offboarding.completed, at: offboarding.completed.at.toISOString() },
});

/** One whose seal is broken is told of and left out. */
function toOffboarding(raw: object, sealing: Sealing): Offboarding[] {
  const row = read(OffboardingRow, 'offboarding', raw);
  const { id, why, reason, parts, keys, items, completed_at: completedAt, digest } = row;
  const offboarding: Offboarding = {
    ...{ id, personId: row.person_id, engagementIds: row.engagement_ids, why, by: row.begun_by, at: row.begun_at },
    ...{ reason, parts, keys, left: row.left_over, items },
    completed: completedAt && digest ? { at: completedAt, digest } : null,
  };
  return sealing.holds('offboarding', id, sealedOffboarding(offboarding), row.mac) ? [offboarding] : [];
}

/** As the database keeps it, so that what is read is what was sealed. */
const storable = (offboarding: Offboarding): Offboarding => ({
  ...offboarding,
  reason: textOrNull(offboarding.reason),
  items: offboarding.items.map(({ text: words, tick }) => ({
    text: text(words),
    tick: tick && { ...tick, note: textOrNull(tick.note) },
  })),
});

function changing(offboarding: Offboarding, sealing: Sealing) {
  const { parts, left, items, completed } = offboarding;
  return {
    parts: json(parts),
    left_over: left ? json(left) : null,
    proved: isProved(offboarding),
    items: json(items),
    completed_at: instantOrNull(completed?.at ?? null),
    digest: completed?.digest ?? null,
    mac: sealing.seal('offboarding', sealedOffboarding(offboarding)),
  };
}

export function offboardings(trx: Trx, sealing: Sealing): Offboardings {
  const select = () => trx.selectFrom('offboarding').selectAll();
  const many = async (query: ReturnType<typeof select>) =>
    (await query.execute()).flatMap((row) => toOffboarding(row, sealing));
  return {
    byId: async (id) => (await many(select().where('id', '=', id)))[0] ?? null,
    lock: async (id) => (await many(select().where('id', '=', id).forNoKeyUpdate()))[0] ?? null,
    async insert(given) {
      const offboarding = storable(given);
      const { id, personId, engagementIds, why, by, at, reason, keys } = offboarding;
      await trx
        .insertInto('offboarding')
        .values({
          ...{ id, person_id: personId, engagement_ids: engagementIds && json(engagementIds), why },
          ...{ begun_by: json(by), begun_at: instant(at), reason, keys, ...changing(offboarding, sealing) },
        })
        .execute();
    },
    async save(offboarding) {
      const result = await trx
        .updateTable('offboarding')
        .set(changing(storable(offboarding), sealing))
        .where('id', '=', offboarding.id)
        .executeTakeFirstOrThrow();
      changedOne(result, 'offboarding');
    },
    unproved(limit, person) {
      const waiting = select().where('proved', '=', false).orderBy('begun_at').orderBy('id').limit(limit);
      return many(person === undefined ? waiting : waiting.where('person_id', '=', person));
    },
    list: (limit) => many(select().orderBy('begun_at', 'desc').orderBy('id').limit(limit)),
  };
}
