import type { Faults } from './faults.ts';
import type { Manifest } from './manifest.ts';
import type { Delivery, SocketMode } from './socket.ts';
import type { User, WorkspaceState } from './state.ts';
import type { Triggers } from './triggers.ts';

/** One terminal or stream of a recording: asciicast v2. */
export type Cast = { readonly name: string; readonly cast: string };

/** What the demo has beside the workspace. */
export type Stage = {
  /** The product is being started, and nobody can be answered yet. */
  starting: boolean;
  /** Opens the recording whose id starts like this. Null if there is none. */
  replay: ((id: string) => Promise<readonly Cast[] | null>) | null;
};

/** The organisation (Enterprise Grid) that the workspace is in, and whether the app is installed in all of it. */
export type Organisation = { readonly id: string; readonly isAppInAll: boolean };

/** The parts of the workspace that its two sides, the app's API and people, share. */
export type Core = {
  readonly state: WorkspaceState;
  readonly socket: SocketMode;
  /** Over Socket Mode or HTTP, as the manifest says. */
  readonly delivery: Delivery;
  readonly organisation: Organisation | null;
  readonly triggers: Triggers;
  readonly faults: Faults;
  readonly manifest: Manifest;
  readonly stage: Stage;
  readonly tokens: { readonly bot: string; readonly app: string };
  /** `http://127.0.0.1:<port>`, known once the server listens. */
  readonly origin: () => string;
};

/** A person as users.info tells of them. Of a deactivated account Slack leaves out most, guest or not among it. */
export const userObject = (core: Core, user: User) => {
  const { id, name, deleted, isBot, realName } = user;
  const team = user.teamId ?? core.state.team.id;
  return {
    ...{ id, team_id: team, name, deleted },
    profile: {
      title: user.title,
      real_name: realName,
      real_name_normalized: realName,
      display_name: realName,
      display_name_normalized: realName,
      team,
      ...(isBot ? { bot_id: core.state.botId, api_app_id: core.state.appId } : {}),
    },
    ...{ is_bot: isBot, is_app_user: false, updated: 1_700_000_000 },
    ...(deleted ? {} : whileActive(user)),
  };
};

const whileActive = (user: User) => ({
  real_name: user.realName,
  ...{ tz: user.tz, tz_label: 'Central European Time', tz_offset: 3_600 },
  ...{ is_admin: false, is_owner: false, is_primary_owner: false },
  is_restricted: user.isRestricted,
  is_ultra_restricted: user.isUltraRestricted,
});
