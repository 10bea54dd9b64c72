import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Persona } from '../../support/peers/persona.ts';
import { testSeals } from '../../support/worlds/beside.ts';
import { ENGAGEMENT_CHANNEL, SlackWorld } from '../../support/worlds/slack-world.ts';

let world: SlackWorld;
beforeAll(async () => {
  world = await SlackWorld.open();
  await world.openEngagement();
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

const told = (who: Persona, what: RegExp): Promise<string> =>
  who.until(`a direct message: ${what}`, (state) =>
    state.direct_messages.flatMap(({ messages }) => messages.map(({ plain }) => plain)).find((text) => what.test(text)),
  );

async function register(): Promise<string> {
  const before = (await world.contractor.state()).ephemerals.length;
  await world.contractor.command('/access key', ENGAGEMENT_CHANNEL);
  const code = await world.contractor.until('the code', (state) =>
    /ssh register-([a-z2-9]{16})@/.exec(state.ephemerals.slice(before).at(-1)?.plain ?? '')?.at(1),
  );
  const registered = await world.proveKey(code);
  if (!registered.ok) throw new Error(registered.rejection.code);
  return registered.value.fingerprint;
}

it('a new key is told to its owner and to the sponsor, with what it does not open and what to do if it is unexpected', async () => {
  const key = await register();
  const owner = await told(world.contractor, /Your SSH key is registered/);
  expect(owner).toContain(key);
  expect(owner).toContain(
    'You cannot use it for access that was granted earlier. If this was not you, tell security immediately.',
  );
  const sponsor = await told(world.manager, /registered an SSH key/);
  expect(sponsor).toContain(key);
  expect(sponsor).toContain('Casey Lind');
  expect(sponsor).toContain(
    'It cannot be used for access that was granted earlier. If you did not expect this, check with them outside Slack.',
  );
});

it('the review card says of each key how old it is, and marks the new ones', async () => {
  const [first] = await world.sql('select fingerprint, public_key, person_id from registered_key');
  const registeredAt = new Date(Date.now() - 5 * 86_400_000).toISOString();
  const { fingerprint, public_key: publicKey, person_id: personId } = first ?? {};
  const mac = testSeals.seal('key', { fingerprint, publicKey, personId, registeredAt });
  await world.sql('update registered_key set registered_at = $1, mac = $2', [registeredAt, mac]);
  const fresh = await register();
  await world.request({ key: [first?.['fingerprint'], fresh] });
  for (const where of ['direct', 'thread'] as const) {
    const { plain } = await world.manager.card(where);
    const lines = plain.split('\n').filter((line) => line.includes('SHA256:'));
    const of = (key: unknown): string => lines.find((line) => line.includes(String(key).slice(0, 19))) ?? '';
    expect(of(fresh)).toMatch(/New key .*registered .*, (?:less than a second|\d+ seconds?) before this request/);
    expect(of(first?.['fingerprint'])).toMatch(/Key .*registered .*, 5 days before this request/);
    expect(of(first?.['fingerprint']).replace(/SHA256:\S+/, '')).not.toMatch(/new/i);
  }
});

it('is asked for in the form where there are several, the newest by default', async () => {
  const [newest] = await world.sql('select fingerprint from registered_key order by registered_at desc limit 1');
  await world.request();
  const rows = await world.sql('select ask from access_request order by requested_at desc limit 1');
  expect(rows[0]?.['ask']).toMatchObject({ keyFingerprints: [newest?.['fingerprint']] });
});

it('is retired with its button, and then its owner is told and it is in the list no more', async () => {
  const before = (await world.contractor.state()).ephemerals.length;
  await world.contractor.command('/access keys', ENGAGEMENT_CHANNEL);
  const list = await world.contractor.until('the keys', (state) =>
    state.ephemerals.slice(before).find((message) => message.plain.includes('Your keys')),
  );
  const retire = list.blocks
    .flatMap((block) => block.elements ?? [])
    .flatMap((element) => {
      const { action_id: id } = element as { action_id?: string };
      return id?.startsWith('retire_key:') ? [id.slice('retire_key:'.length)] : [];
    });
  expect(retire).toHaveLength(2);
  const pressed = { channel: list.channel, ts: list.ts, action_id: `retire_key:${retire[0]}` };
  expect((await world.contractor.call('personas/contractor/clicks', pressed)).status).toBe(200);
  expect(await told(world.contractor, /was retired/)).toContain(retire[0]);
  const [row] = await world.sql('select retired_at from registered_key where fingerprint = $1', [retire[0]]);
  expect(row?.['retired_at']).not.toBeNull();
});
