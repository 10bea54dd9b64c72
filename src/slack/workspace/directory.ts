import { setTimeout as sleep } from 'node:timers/promises';
import { webApi } from '@slack/bolt';
import { z } from 'zod';
import type { SlackAccount, Standing } from '../../access/person.ts';
import type { Directory, Profile } from '../../use-cases/ports/directory.ts';

/** The workspace that Daypass was installed into, as auth.test says. */
export type Workspace = {
  readonly teamId: string;
  readonly enterpriseId: string | null;
  readonly botUserId: string;
};

export type Found = { readonly account: SlackAccount; readonly profile: Profile; readonly timeZone: string };
export type AccountDirectory = Directory & {
  /** Asks Slack. Null for bots and unknown accounts. Throws if Slack cannot be asked. */
  readonly find: (userId: string) => Promise<Found | null>;
};

const flag = z.boolean().default(false);
/** Absent is not false: of a deactivated account Slack leaves them out. */
const stated = z.boolean().optional();
const SlackUser = z.object({
  id: z.string().min(1),
  team_id: z.string().min(1),
  name: z.string().default(''),
  deleted: flag,
  is_bot: flag,
  is_workflow_bot: flag,
  is_restricted: stated,
  is_ultra_restricted: stated,
  is_stranger: flag,
  real_name: z.string().nullish(),
  tz: z.string().nullish(),
  enterprise_user: z.object({ enterprise_id: z.string().nullish() }).nullish(),
  profile: z.object({ display_name: z.string().nullish(), real_name: z.string().nullish() }).default({}),
});
type SlackUser = z.infer<typeof SlackUser>;

const UNKNOWN: ReadonlySet<string> = new Set(['user_not_found', 'user_not_visible', 'users_not_found']);
const NAME_MAX = 200;

/** Slack's `users.info`, read each time, so that rights revoked a second ago no longer count. */
export function slackDirectory(web: webApi.WebClient, own: Workspace): AccountDirectory {
  const find = async (userId: string): Promise<Found | null> => {
    const user = await ask(web, userId);
    if (!user || user.id !== userId || isBot(user)) return null;
    const name = user.profile.display_name || user.profile.real_name || user.real_name || user.name || null;
    const enterpriseId = user.enterprise_user?.enterprise_id ?? null;
    return {
      account: { teamId: user.team_id, userId: user.id, enterpriseId },
      profile: {
        name: name?.slice(0, NAME_MAX) ?? null,
        standing: standingOf(user, own),
        active: !user.deleted,
      },
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
    const answer = await patiently(() => web.users.info({ user: userId }));
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

/** When Slack rate-limits for a moment, a person who pressed a button waits rather than pressing again. */
const PATIENCE_SECONDS = 2;

async function patiently<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const seconds = error instanceof webApi.WebAPIRateLimitedError ? error.retryAfter : Number.POSITIVE_INFINITY;
    if (seconds > PATIENCE_SECONDS) throw error;
    await sleep(seconds * 1_000);
    return call();
  }
}

const MEMBERS_PAGE = 500;
const MEMBERS_PAGES_MAX = 40;
/** Our own code, next to Slack's, for a channel that is not read to its end. */
export const TOO_MANY_MEMBERS = 'too_many_members';

/** Slack's user ids of everybody in a channel. Null if there are more than fit in `pages`. Throws if Slack does not answer. */
export async function channelMembers(
  web: webApi.WebClient,
  channel: string,
  pages = MEMBERS_PAGES_MAX,
): Promise<ReadonlySet<string> | null> {
  const found = new Set<string>();
  let cursor = '';
  for (let page = 0; page < pages; page += 1) {
    const answer = await web.conversations.members({
      ...{ channel, limit: MEMBERS_PAGE },
      ...(cursor === '' ? {} : { cursor }),
    });
    for (const userId of z.array(z.string()).parse(answer.members)) found.add(userId);
    cursor = answer.response_metadata?.next_cursor ?? '';
    if (cursor === '') return found;
  }
  return null;
}

/** Slack's user ids of a user group; nobody where there is no such group. */
export async function groupMembers(web: webApi.WebClient, usergroup: string): Promise<readonly string[]> {
  try {
    const answer = await patiently(() => web.usergroups.users.list({ usergroup }));
    return z.array(z.string()).parse(answer.users);
  } catch (error) {
    if (error instanceof webApi.WebAPIPlatformError && error.data.error === 'no_such_subteam') return [];
    throw new SlackUnavailable(error);
  }
}

const isBot = (user: SlackUser): boolean => user.is_bot || user.is_workflow_bot || user.id === 'USLACKBOT';

/** Null where Slack does not say whether a deactivated account was a guest. */
export function standingOf(
  user: Pick<SlackUser, 'team_id' | 'is_stranger' | 'enterprise_user'> & {
    readonly is_restricted?: boolean | undefined;
    readonly is_ultra_restricted?: boolean | undefined;
    readonly deleted?: boolean;
  },
  own: Pick<Workspace, 'teamId' | 'enterpriseId'>,
): Standing | null {
  const sameOrganisation = own.enterpriseId !== null && user.enterprise_user?.enterprise_id === own.enterpriseId;
  if (user.is_stranger || (user.team_id !== own.teamId && !sameOrganisation)) return 'external';
  if (user.is_restricted || user.is_ultra_restricted) return 'guest';
  return user.deleted && (user.is_restricted === undefined || user.is_ultra_restricted === undefined) ? null : 'member';
}

/** Slack could not be asked, so nothing may be decided. Its cause is what the call failed with. */
export class SlackUnavailable extends Error {
  readonly code = 'slack_unavailable';
  constructor(cause: unknown) {
    super('Slack could not be asked about an account', { cause });
    this.name = 'SlackUnavailable';
  }
}
