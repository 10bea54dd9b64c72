import { DateTime } from 'luxon';
import { z } from 'zod';
import { EngagementId, Login, TargetId } from '../../access/ids.ts';
import { STANDINGS } from '../../access/person.ts';
import { IsoSeconds } from '../../access/policy.ts';
import type { PolicyAsk } from '../../access/policy-decision.ts';
import { findScope, ScopeName } from '../../access/scopes/scope.ts';
import type { Config } from '../../config/load.ts';
import { inventoryOf } from '../../config/places.ts';
import { Refused } from '../output.ts';

/** With its offset: which hour it is elsewhere is what decides. */
const Instant = z.string().transform((text, context) => {
  const at = DateTime.fromISO(text);
  if (at.isValid && /T.*(?:Z|[+-]\d\d:\d\d)$/.test(text)) return at.toJSDate();
  context.addIssue({ code: 'custom', message: 'must be an instant, such as 2030-05-06T09:00+02:00' });
  return z.NEVER;
});

/** A request that policy is asked about, as an operator writes it: on the command line or in a file of cases. */
export const AskText = z.strictObject({
  person: z.enum(STANDINGS),
  targets: z.array(TargetId).min(1),
  scope: ScopeName,
  login: Login.optional(),
  duration: IsoSeconds.default(1),
  vendor: z.string().default(''),
  engagement: EngagementId.optional(),
  ticket: z.string().optional(),
  at: Instant.optional(),
});
export type AskText = z.infer<typeof AskText>;

/** Refuses what is not in targets.yml and policy.yml: an answer about something that does not exist would mislead. */
export function askOf(config: Config, text: AskText, now: Date): PolicyAsk {
  const { find, scopes } = inventoryOf(config);
  if (!findScope(scopes, text.scope)) {
    const known = scopes.map((scope) => scope.name).join(', ');
    throw new Refused(`No scope is called ${text.scope}. The scopes are: ${known}.`, 2);
  }
  const targets = text.targets.map((id) => {
    const target = find(id);
    if (!target) throw new Refused(`No target in targets.yml is called ${id}.`, 2);
    return target;
  });
  const login = text.login ?? targets[0]?.logins[0];
  const without = targets.find((target) => !target.logins.some((each) => each === login));
  if (!login || without)
    throw new Refused(`The target ${without?.id} has no login ${login}. Name one with --login.`, 2);
  return {
    ...{ scope: text.scope, targets, login, standing: text.person, durationSeconds: text.duration },
    engagement: { id: text.engagement ?? null, vendor: text.vendor },
    ticket: text.ticket ?? null,
    at: text.at ?? now,
  };
}
