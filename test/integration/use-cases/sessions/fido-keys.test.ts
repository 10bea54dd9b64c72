import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fingerprint } from '../../../../src/access/ids.ts';
import type { KeyDemand } from '../../../../src/access/key-demand.ts';
import type { Person } from '../../../../src/access/person.ts';
import { encode, string, uint8 } from '../../../../src/sshwire/bytes.ts';
import { fingerprint, publicKeyLine } from '../../../../src/sshwire/public-key.ts';
import { requestAccess } from '../../../../src/use-cases/requests/request-access.ts';
import { withdrawRequest } from '../../../../src/use-cases/requests/withdraw-request.ts';
import { makeKey, type TestKey, USER_PRESENT } from '../../../support/peers/ssh-keys.ts';
import { granted } from '../../../support/worlds/access-world.ts';
import { GrantedWorld } from '../../../support/worlds/granted-world.ts';

const USER_VERIFIED = 0x04;

let world: GrantedWorld;
let fido: TestKey;
let plain: TestKey;
beforeAll(async () => {
  world = await GrantedWorld.open('web-01');
  fido = makeKey('sk-ssh-ed25519@openssh.com');
  plain = makeKey('ssh-ed25519');
  for (const key of [plain, fido]) await registered(world.contractor, key);
});
afterAll(() => world[Symbol.asyncDispose]());

const printOf = (key: TestKey): Fingerprint => Fingerprint.parse(fingerprint(key.publicKey));
const registered = ({ id: personId }: Person, key: TestKey): Promise<void> =>
  world.store.transaction((tx) =>
    tx.keys.insert({
      ...{ fingerprint: printOf(key), publicKey: publicKeyLine(key.publicKey), personId, registeredAt: world.now },
    }),
  );

const want = (keys: KeyDemand | undefined): void => {
  const [rule] = world.access.inventory.policy.rules;
  if (rule) rule.keys = keys;
};
const ask = (keys: readonly TestKey[]) =>
  requestAccess(world.deps)({
    ...{ by: world.contractor.id, engagementId: world.engagement.id, targetIds: ['web-01'], durationSeconds: 600 },
    ...{ login: world.access.login, scope: 'shell', reason: `Move ${randomBytes(4).toString('hex')}`, ticket: null },
    keys: keys.map(printOf),
  });
const refusal = async (...keys: readonly TestKey[]) => {
  const asked = await ask(keys);
  if (!asked.ok) return asked.rejection;
  // The same access is requested again later on.
  granted(await withdrawRequest(world.deps)({ by: world.contractor.id, requestId: asked.value.id }));
  return null;
};
const given = async (...keys: readonly TestKey[]) => world.access.approved(granted(await ask(keys)), world.reviewer);

/** A login at the target with the certificate of a grant; the device says `flags`. */
async function login(key: TestKey, grantId: Awaited<ReturnType<typeof given>>['id'], flags?: number): Promise<string> {
  const issued = await world.store.transaction((tx) => tx.grants.certificates(grantId));
  const certificate = issued.find((each) => each.fingerprint === printOf(key))?.certificate ?? '';
  const [type = '', body = ''] = certificate.split(' ');
  const fields = [`${world.access.login}+web-01`, 'ssh-connection', 'publickey'].map((each) => string(each));
  const blob = new Uint8Array(Buffer.from(body, 'base64'));
  const session = string(new Uint8Array(randomBytes(32)));
  const signed = encode(session, uint8(50), ...fields, uint8(1), string(type), string(blob));
  return world.access.connected({ signed, signature: key.sign(signed, flags === undefined ? {} : { flags }) });
}

describe('a rule that wants FIDO keys', () => {
  const needed = (verified: boolean) => ({
    ...{ code: 'fido_key_needed', rule: 'one reviewer approves', verified, field: 'key' },
  });

  it('takes a request for such keys and for no other', async () => {
    want('fido');
    expect(await refusal(plain)).toEqual(needed(false));
    expect(await refusal(fido, plain)).toEqual(needed(false));
    expect(await refusal(fido)).toBeNull();
    want('fido_verified');
    expect(await refusal(plain)).toEqual(needed(true));
    expect(await refusal(fido)).toBeNull();
    want(undefined);
    expect(await refusal(plain)).toBeNull();
  });

  it('lets nobody in without a touch', async () => {
    want('fido');
    const grant = await given(fido);
    expect(grant.terms.keyDemand).toBe('fido');
    expect(await login(fido, grant.id, 0)).toBe('proof_invalid');
    expect(await login(fido, grant.id, USER_PRESENT)).toBe('session');
    await world.access.revoke(grant);
  });

  it('lets in only who was verified, where it wants that, by its own certificate and by another', async () => {
    want('fido');
    const touched = await given(fido);
    want('fido_verified');
    const verified = await given(fido);
    expect(await login(fido, verified.id, USER_PRESENT)).toBe('user_not_verified');
    expect(await login(fido, verified.id, USER_PRESENT | USER_VERIFIED)).toBe('session');
    await world.access.revoke(touched);
    // The certificate of the grant that is over asks for no more than a touch, and would lead to the other one.
    expect(await login(fido, touched.id, USER_PRESENT)).toBe('user_not_verified');
    expect(await login(fido, touched.id, USER_PRESENT | USER_VERIFIED)).toBe('session');
    await world.access.revoke(verified);
    want(undefined);
  });

  it('counts also for a request that was there before it', async () => {
    want(undefined);
    const waiting = granted(await ask([fido]));
    want('fido');
    await expect(world.access.approved(waiting, world.reviewer)).rejects.toThrow(/no_longer_allowed.*"keys"/);
    want('fido_verified');
    const strict = granted(await ask([fido]));
    want('fido');
    expect((await world.access.approved(strict, world.reviewer)).terms.keyDemand).toBe('fido_verified');
    want(undefined);
  });
});
