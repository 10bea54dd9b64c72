import { z } from 'zod';
import type { Askable } from '../../access/askable.ts';
import { EngagementId, type PersonId, RequestId } from '../../access/ids.ts';
import { ASK_LIMITS, type Ask } from '../../access/request.ts';
import type { TypedAsk } from '../../access/typed-ask.ts';
import type { RequestAccessInput } from '../../use-cases/requests/request-access.ts';
import type { Line } from '../words/line.ts';
import { fieldsOf, parseJson, type ViewPayload } from './payloads.ts';

/** What stands in the fields of a request form, before it is a request. */

export type Filled = Omit<TypedAsk, 'engagementId' | 'doubts'> & { readonly keys: readonly string[] };

export const EMPTY: Filled = {
  ...{ targetIds: [], login: null, scope: null, durationSeconds: null, reason: null, ticket: null, keys: [] },
};

export const filledLike = (ask: Ask): Filled => ({
  targetIds: ask.targets.map(({ id }) => id),
  login: ask.login,
  scope: ask.scope.name,
  durationSeconds: ask.durationSeconds,
  reason: ask.reason,
  ticket: ask.ticket,
  keys: ask.keyFingerprints,
});

/** What somebody asked for last, to start from. Each request says its own why, and is for the keys of today. */
export const suggested = (last: Ask | null): Filled => (last ? { ...filledLike(last), reason: null, keys: [] } : EMPTY);

/** What of it can still be chosen, with what is chosen where nothing is: the only login or scope there is, and an hour. */
export function within(can: Askable, filled: Filled): Filled {
  const targets = can.targets.filter(({ id }) => filled.targetIds.includes(id)).slice(0, ASK_LIMITS.targets);
  const scopes = can.scopes.map(({ name }) => name);
  const durations = lengths(can, filled.durationSeconds);
  const named = <T>(items: readonly T[], wanted: unknown): T | null => items.find((each) => each === wanted) ?? null;
  return {
    ...filled,
    targetIds: targets.map(({ id }) => id),
    login: named(can.logins, filled.login) ?? only(can.logins),
    scope: named(scopes, filled.scope) ?? only(scopes),
    durationSeconds:
      named(durations, filled.durationSeconds) ?? named(durations, PERSONAL_HOUR) ?? durations[0] ?? null,
  };
}

/** As it would be sent. */
export const inputOf = (by: PersonId, engagementId: EngagementId, filled: Filled): RequestAccessInput => ({
  ...{ by, engagementId, targetIds: filled.targetIds, login: filled.login ?? '', scope: filled.scope ?? '' },
  ...{ durationSeconds: filled.durationSeconds ?? 0, reason: filled.reason ?? '', ticket: filled.ticket },
  keys: filled.keys,
});

/** Why a form is open. */
const Purpose = z.enum(['request', 'extend', 'edit']);
export type Purpose = z.infer<typeof Purpose>;

/** What a form carries beside its fields: what it is for, and whose menus it shows. */
const About = z.object({
  purpose: Purpose,
  engagementId: EngagementId.nullable(),
  /** The request that an edited one takes the place of. */
  replaces: RequestId.nullable(),
});
export type About = z.infer<typeof About>;

/** What is chosen where nobody has. */
const PERSONAL_HOUR = 3_600;

const only = <T>(items: readonly T[]): T | null => (items.length === 1 ? (items[0] ?? null) : null);

/** What is offered, and what was asked for by other means, such as typed. */
export const lengths = ({ durations, maxSeconds }: Askable, wanted: number | null): readonly number[] =>
  wanted === null || wanted > maxSeconds
    ? durations
    : [...new Set([...durations, wanted])].sort((one, other) => one - other);

/** What was filled in; checking it is the use-case's. */
export function readRequest(view: ViewPayload): Omit<RequestAccessInput, 'by'> | null {
  const field = fieldsOf(view);
  const engagementId = EngagementId.safeParse(field('engagement')[0]);
  if (!engagementId.success) return null;
  return {
    engagementId: engagementId.data,
    targetIds: field('targets'),
    login: field('login')[0] ?? '',
    scope: field('scope')[0] ?? '',
    durationSeconds: Number(field('duration')[0] ?? 0),
    reason: field('reason')[0] ?? '',
    ticket: field('ticket')[0] ?? null,
    keys: field('key'),
    replaces: aboutOf(view).replaces,
  };
}

const aboutOf = (view: ViewPayload): About =>
  About.safeParse(parseJson(view.private_metadata)).data ?? { purpose: 'request', engagementId: null, replaces: null };

/** What a form begins with instead of what its person asked for last. */
export type Begun = {
  readonly purpose: Purpose;
  readonly replaces: RequestId | null;
  readonly filled: Filled | null;
  readonly notes: readonly Line[];
};
export const NEW: Begun = { purpose: 'request', replaces: null, filled: null, notes: [] };

/** A form as it stands, to be shown anew; entries of another engagement's menus are left out. */
export function standing(view: ViewPayload): Begun & { readonly wanted: EngagementId | null } {
  const { purpose, replaces, engagementId } = aboutOf(view);
  const form = readRequest(view);
  const wanted = form?.engagementId ?? null;
  if (!form || wanted !== engagementId)
    return { ...NEW, wanted, purpose: purpose === 'extend' ? 'request' : purpose, replaces };
  const { login, scope, durationSeconds, reason, keys = [] } = form;
  const filled = {
    ...{ targetIds: form.targetIds, login: login || null, scope: scope || null, reason: reason || null },
    ...{ durationSeconds: durationSeconds || null, ticket: form.ticket || null, keys },
  };
  return { ...NEW, wanted, purpose, replaces, filled };
}
