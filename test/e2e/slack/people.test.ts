import { afterAll, beforeAll, expect, it } from 'vitest';
import { ENGAGEMENT_CHANNEL, SECURITY_CHANNEL, SlackWorld } from '../../support/worlds/slack-world.ts';

let world: SlackWorld;
beforeAll(async () => {
  world = await SlackWorld.open();
  await world.ready();
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

async function granted(): Promise<void> {
  await world.request();
  await world.manager.click(await world.manager.card('direct'), 'Approve');
  await expect.poll(liveGrants, { timeout: 20_000 }).toBe(1);
}
const security = (what: RegExp): Promise<string> =>
  world.security.until(`security’s channel: ${what}`, (state) =>
    state.channels
      .filter(({ id }) => id === SECURITY_CHANNEL)
      .flatMap(({ messages }) => messages.map(({ plain }) => plain))
      .find((plain) => what.test(plain)),
  );
const channel = (change: object) => world.contractor.call(`channels/${ENGAGEMENT_CHANNEL}`, change);
const liveGrants = async (): Promise<number> =>
  Number((await world.sql('select count(*) as n from access_grant where ended_at is null'))[0]?.['n']);

it('who leaves the engagement’s channel loses access, and security is told what ended', async () => {
  await granted();
  await channel({ leave: 'contractor' });
  expect(await security(/left the channel/)).toMatch(/Casey Lind left the channel of Order database.* 1 grant revoked/);
  expect(await liveGrants()).toBe(0);
  await channel({ join: 'contractor' });
});

it('who is seen by a shared channel alone loses access when it is shared no more', async () => {
  await world.contractor.call('people/contractor', { team_id: 'T0PARTNER0', is_restricted: false });
  await world.openEngagement({ name: 'Second' });
  await world.sql(`update engagement_person set seen_at = now(), left_at = null where role = 'member'`);
  await channel({ unshare: true });
  expect(await security(/left the channel of Second/)).toMatch(/They had no access at the time/);
});

it('an account as Slack shows it when it is deactivated stays a guest in the record', async () => {
  await world.contractor.call('people/contractor', { team_id: null, hidden: false, is_restricted: true });
  await world.contractor.call('people/contractor', { deleted: true });
  await expect
    .poll(
      async () =>
        (
          await world.sql(
            `select p.active, p.standing from person p join slack_account a on a.person_id = p.id where a.user_id = 'U0CONTRACT' and a.team_id = 'T0DEMO000'`,
          )
        )[0],
    )
    .toEqual({ active: false, standing: 'guest' });
});
