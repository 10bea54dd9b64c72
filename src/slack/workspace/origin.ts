import { z } from 'zod';
import type { Workspace } from './directory.ts';

const id = z.string().max(64).nullish();
/** In what is sent as a form, it is a word. */
const flag = z
  .union([z.boolean(), z.enum(['true', 'false'])])
  .nullish()
  .transform((value) => value === true || value === 'true');
const Enterprise = z.object({ id }).nullish();

const Origin = z.object({
  command: z.unknown().optional(),
  event: z.unknown().optional(),
  team_id: id,
  context_team_id: id,
  is_enterprise_install: flag,
  authorizations: z.array(z.object({ team_id: id, is_enterprise_install: flag })).nullish(),
  team: z.object({ id, enterprise_id: id }).nullish(),
  enterprise: Enterprise,
  view: z.object({ app_installed_team_id: id }).nullish(),
});
type Origin = z.infer<typeof Origin>;

/** Whether a payload belongs to the installation in this workspace, and the workspace that it names. */
export function originOf(
  body: unknown,
  own: Pick<Workspace, 'teamId' | 'enterpriseId'>,
): { isOurs: boolean; team: string } {
  const parsed = Origin.safeParse(body);
  if (!parsed.success) return { isOurs: false, team: 'unknown' };
  const origin = parsed.data;
  const team = origin.team?.id ?? origin.context_team_id ?? origin.team_id ?? 'none';
  return { isOurs: !origin.is_enterprise_install && isOurs(origin, own), team };
}

function isOurs(origin: Origin, own: Pick<Workspace, 'teamId' | 'enterpriseId'>): boolean {
  if (origin.event !== undefined) return isOurEvent(origin, own.teamId);
  if (origin.command !== undefined) return origin.team_id === own.teamId;
  const { team, view } = origin;
  if (!team) return false;
  if (team.id === own.teamId) return true;
  const installedIn = view?.app_installed_team_id ?? own.teamId;
  return installedIn === own.teamId && isOfAnotherCompany(origin, own.enterpriseId);
}

/** An event of a shared channel names the workspace where it happened; the authorization, and the context, are the app's. */
function isOurEvent({ authorizations, context_team_id, team_id }: Origin, teamId: string): boolean {
  if (authorizations && authorizations.length > 0)
    return authorizations.some((each) => each.team_id === teamId && !each.is_enterprise_install);
  return (context_team_id ?? team_id) === teamId;
}

/**
 * In a channel shared by Slack Connect, people of other companies press what Daypass posted, and their own workspace stands in the
 * payload. Another workspace of the same organisation has no business here.
 */
function isOfAnotherCompany({ team, enterprise }: Origin, enterpriseId: string | null): boolean {
  if (enterpriseId === null) return true;
  const organisation = team?.enterprise_id ?? (enterprise === undefined ? undefined : (enterprise?.id ?? null));
  return organisation !== undefined && organisation !== enterpriseId;
}
