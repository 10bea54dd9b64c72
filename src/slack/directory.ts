import type { webApi } from '@slack/bolt';
import { z } from 'zod';
import type { SlackAccount, Standing } from '../access/person.ts';
import type { Directory, Profile } from '../use-cases/ports.ts';

/** The workspace that Daypass was installed into, as auth.test says. */
export type Workspace = {
  readonly teamId: string;
  readonly enterpriseId: string | null;
  readonly botUserId: string;
};

export type Found = { readonly account: SlackAccount; readonly profile: Profile; readonly timeZone: string };
export type AccountDirectory = Directory & {
  /** Asks Slack anew; null for bots and accounts that it does not know. Throws where Slack cannot be asked. */
  readonly find: (userId: string) => Promise<Found | null>;
};

const flag = z.boolean().default(false);
const SlackUser = z.object({
  id: z.string().min(1),
  team_id: z.string().min(1),
  name: z.string().default(''),
  deleted: flag,
  is_bot: flag,
  is_workflow_bot: flag,
  is_restricted: flag,
  is_ultra_restricted: flag,
  is_stranger: flag,
  real_name: z.string().nullish(),
  tz: z.string().nullish(),
  enterprise_user: z.object({ enterprise_id: z.string().nullish() }).nullish(),
  profile: z.object({ display_name: z.string().nullish(), real_name: z.string().nullish() }).default({}),
});
type SlackUser = z.infer<typeof SlackUser>;

const UNKNOWN: ReadonlySet<string> = new Set(['user_not_found', 'user_not_visible', 'users_not_found']);
const NAME_MAX = 200;

/** Slack's `users.info`, read at each question: a right that was taken away a second ago is gone. */
export function slackDirectory(web: webApi.WebClient, own: Workspace): AccountDirectory {
  const find = async (userId: string): Promise<Found | null> => {
    const user = await ask(web, userId);
    if (!user || user.id !== userId || isBot(user)) return null;
    const name = user.profile.display_name || user.profile.real_name || user.real_name || user.name || user.id;
    const enterpriseId = user.enterprise_user?.enterprise_id ?? null;
    return {
      account: { teamId: user.team_id, userId: user.id, enterpriseId },
      profile: { name: name.slice(0, NAME_MAX), standing: standingOf(user, own), active: !user.deleted },
      timeZone: user.tz || 'UTC',
    };
  };
  return {
    find,
    lookup: async (account) => {
      const found = await find(account.userId);
      return found && found.account.teamId === account.teamId ? found.profile : null;
    },
  };
}

async function ask(web: webApi.WebClient, userId: string): Promise<SlackUser | null> {
  try {
    const answer = await web.users.info({ user: userId });
    return SlackUser.parse(answer.user);
  } catch (error) {
    const code: unknown =
      error instanceof Error && 'data' in error
        ? z.object({ error: z.string() }).safeParse(error.data).data?.error
        : null;
    if (typeof code === 'string' && UNKNOWN.has(code)) return null;
    throw new SlackUnavailable(error);
  }
}

const isBot = (user: SlackUser): boolean => user.is_bot || user.is_workflow_bot || user.id === 'USLACKBOT';

export function standingOf(
  user: Pick<SlackUser, 'team_id' | 'is_stranger' | 'is_restricted' | 'is_ultra_restricted' | 'enterprise_user'>,
  own: Pick<Workspace, 'teamId' | 'enterpriseId'>,
): Standing {
  const sameOrganisation = own.enterpriseId !== null && user.enterprise_user?.enterprise_id === own.enterpriseId;
  if (user.is_stranger || (user.team_id !== own.teamId && !sameOrganisation)) return 'external';
  return user.is_restricted || user.is_ultra_restricted ? 'guest' : 'member';
}

/** Slack could not be asked, so nothing may be decided. */
export class SlackUnavailable extends Error {
  readonly code = 'slack_unavailable';
  constructor(cause: unknown) {
    super('Slack could not be asked about an account', { cause });
    this.name = 'SlackUnavailable';
  }
}
