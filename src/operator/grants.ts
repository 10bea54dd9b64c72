import { z } from 'zod';
import { type Grant, hasExpired } from '../access/grant.ts';
import { GrantId } from '../access/ids.ts';
import type { Tx } from '../use-cases/ports/store.ts';

export const GrantRow = z.strictObject({
  id: GrantId,
  state: z.enum(['live', 'suspended', 'expired', 'revoked', 'returned']),
  person: z.string(),
  engagement: z.string(),
  targets: z.array(z.string()),
  login: z.string(),
  scope: z.string(),
  notBefore: z.iso.datetime(),
  notAfter: z.iso.datetime(),
  liveSessions: z.int(),
  digest: z.string(),
});
export type GrantRow = z.infer<typeof GrantRow>;

export async function grantRows(
  tx: Tx<'grants' | 'persons' | 'engagements' | 'sessions'>,
  grants: readonly Grant[],
  now: Date,
): Promise<GrantRow[]> {
  const rows: GrantRow[] = [];
  for (const grant of grants) {
    const { terms } = grant;
    rows.push({
      id: grant.id,
      state: stateOf(grant, now),
      person: await tx.persons.name(terms.personId),
      engagement: (await tx.engagements.byId(terms.engagementId))?.name ?? terms.engagementId,
      targets: terms.targets.map((target) => target.id),
      login: terms.login,
      scope: terms.scope.name,
      notBefore: terms.notBefore,
      notAfter: terms.notAfter,
      liveSessions: (await tx.sessions.liveOfGrant(grant.id)).length,
      digest: grant.digest,
    });
  }
  return rows;
}

function stateOf(grant: Grant, now: Date): GrantRow['state'] {
  if (grant.end) return grant.end.how;
  if (hasExpired(grant, now)) return 'expired';
  return grant.suspended ? 'suspended' : 'live';
}
