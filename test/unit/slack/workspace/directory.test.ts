import { webApi } from '@slack/bolt';
import { describe, expect, it } from 'vitest';
import { slackDirectory, standingOf, type Workspace } from '../../../../src/slack/workspace/directory.ts';

const OWN: Workspace = { teamId: 'T1', enterpriseId: null, botUserId: 'UBOT' };
type Web = Parameters<typeof slackDirectory>[0];
/** The one method that a directory calls. */
const web = (answer: () => unknown): Web => ({ users: { info: async () => answer() } }) as unknown as Web;
const platformError = (error: string) => Object.assign(new Error(error), { data: { ok: false, error } });

const user = {
  id: 'U1',
  team_id: 'T1',
  name: 'ada',
  is_stranger: false,
  is_restricted: false,
  is_ultra_restricted: false,
  enterprise_user: null,
};
const find = (change: object) =>
  slackDirectory(
    web(() => ({ user: { ...user, ...change } })),
    OWN,
  ).find('U1');

describe('who somebody is', () => {
  it('is a member, a guest or an external, by what Slack says of the account', () => {
    expect(standingOf(user, OWN)).toBe('member');
    expect(standingOf({ ...user, is_restricted: true }, OWN)).toBe('guest');
    expect(standingOf({ ...user, is_ultra_restricted: true }, OWN)).toBe('guest');
    expect(standingOf({ ...user, is_stranger: true }, OWN)).toBe('external');
    expect(standingOf({ ...user, team_id: 'T2' }, OWN)).toBe('external');
    expect(standingOf({ ...user, team_id: 'T2', is_restricted: true }, OWN)).toBe('external');
  });

  it('is a member in another workspace of the same organisation, and in no other organisation', () => {
    const grid = { ...OWN, enterpriseId: 'E1' };
    expect(standingOf({ ...user, team_id: 'T2', enterprise_user: { enterprise_id: 'E1' } }, grid)).toBe('member');
    expect(standingOf({ ...user, team_id: 'T2', enterprise_user: { enterprise_id: 'E2' } }, grid)).toBe('external');
    expect(standingOf({ ...user, team_id: 'T2', enterprise_user: { enterprise_id: null } }, OWN)).toBe('external');
  });

  it('is nobody where it is a bot, or another account than was asked for', async () => {
    expect(await find({ is_bot: true })).toBeNull();
    expect(await find({ is_workflow_bot: true })).toBeNull();
    expect(await find({ id: 'U2' })).toBeNull();
    expect(
      await slackDirectory(
        web(() => {
          throw platformError('user_not_found');
        }),
        OWN,
      ).find('U1'),
    ).toBeNull();
  });

  it('is not active where the account is deactivated', async () => {
    expect((await find({ deleted: true }))?.profile.active).toBe(false);
    expect((await find({}))?.profile).toEqual({ name: 'ada', standing: 'member', active: true });
  });

  it('has its standing where Slack says it, and none where a deactivated account comes without', async () => {
    const bare = { ...user, is_restricted: undefined, is_ultra_restricted: undefined };
    const standing = async (change: object) => (await find({ ...bare, ...change }))?.profile.standing;
    expect(await standing({ deleted: true })).toBeNull();
    expect(await standing({ deleted: true, is_restricted: true })).toBe('guest');
    expect(await standing({ deleted: true, is_restricted: false, is_ultra_restricted: false })).toBe('member');
    expect(await standing({ deleted: true, team_id: 'T2' })).toBe('external');
    expect(await standing({})).toBe('member');
    expect((await find({ deleted: true, name: undefined }))?.profile.name).toBeNull();
  });

  it('is asked about once more where Slack wants a moment of rest, and stays unknown where it wants a long one', async () => {
    const answered = (seconds: number) => {
      let asked = 0;
      const answer = () => {
        asked += 1;
        if (asked === 1) throw new webApi.WebAPIRateLimitedError(seconds);
        return { user };
      };
      return slackDirectory(web(answer), OWN).find('U1');
    };
    expect((await answered(0.01))?.profile.active).toBe(true);
    await expect(answered(30)).rejects.toMatchObject({ code: 'slack_unavailable' });
  });

  it('stays unknown, and nothing goes on, where Slack cannot be asked', async () => {
    const silent = slackDirectory(
      web(() => {
        throw platformError('internal_error');
      }),
      OWN,
    );
    await expect(silent.find('U1')).rejects.toMatchObject({ code: 'slack_unavailable' });
    await expect(find({ team_id: undefined })).rejects.toMatchObject({ code: 'slack_unavailable' });
  });

  it('is looked up by team and user, never by user alone', async () => {
    const directory = slackDirectory(
      web(() => ({ user })),
      OWN,
    );
    expect(await directory.lookup({ teamId: 'T1', userId: 'U1', enterpriseId: null })).not.toBeNull();
    expect(await directory.lookup({ teamId: 'T9', userId: 'U1', enterpriseId: null })).toBeNull();
  });
});
