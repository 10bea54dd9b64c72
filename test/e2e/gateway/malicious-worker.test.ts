import { generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Grant } from '../../../src/access/grant.ts';
import { Fingerprint } from '../../../src/access/ids.ts';
import type { Person } from '../../../src/access/person.ts';
import { Target } from '../../../src/access/target.ts';
import { ForkHost } from '../../../src/gateway/launch/fork-host.ts';
import { localHost } from '../../../src/gateway/launch/local-host.ts';
import { type Gateway, startGateway } from '../../../src/gateway/supervisor/gateway.ts';
import { encode, string, uint8 } from '../../../src/sshwire/bytes.ts';
import { fingerprint, parsePublicKey, publicKeyLine } from '../../../src/sshwire/public-key.ts';
import { gatewayControl } from '../../../src/use-cases/sessions/bound-gateway-control.ts';
import { refusalNotes } from '../../../src/use-cases/sessions/note-refusals.ts';
import { type TestFolder, testFolder } from '../../support/checks/folder.ts';
import { ssh, sshClient } from '../../support/peers/gateway-client.ts';
import { rssMiB } from '../../support/peers/raw-client.ts';
import { REVOKED } from '../../support/samples/samples.ts';
import { AccessWorld } from '../../support/worlds/access-world.ts';
import { openBeside, testSeals } from '../../support/worlds/beside.ts';
import { builtWorkers } from '../../support/worlds/build.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';
import { InfiltratedHost, type OwnedWorker } from '../../support/worlds/infiltrated-host.ts';
import { reader } from '../../support/worlds/reader.ts';

/** A key of somebody, as a worker sees it at work: what it signs when its owner logs in. */
function makeKey() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  const blob = encode(string('ssh-ed25519'), string(new Uint8Array(Buffer.from(x, 'base64url'))));
  const parsed = parsePublicKey(blob);
  if (!parsed.ok) throw new Error('no key');
  return {
    blob,
    line: publicKeyLine(parsed.value),
    fingerprint: Fingerprint.parse(fingerprint(parsed.value)),
    proof(user: string, certificate: string, sshSessionId: Uint8Array = randomBytes(32)) {
      const [type = '', body = ''] = certificate.split(' ');
      const key = new Uint8Array(Buffer.from(body, 'base64'));
      const fields = [string(user), string('ssh-connection'), string('publickey'), uint8(1), string(type), string(key)];
      const signed = encode(string(sshSessionId), uint8(50), ...fields);
      const signature = encode(string('ssh-ed25519'), string(new Uint8Array(sign(null, signed, privateKey))));
      return {
        signed: base64(signed),
        signature: base64(signature),
        sshSessionId: Buffer.from(sshSessionId).toString('hex'),
      };
    },
  };
}
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const log = pino({ level: 'silent' });

describe('control and a worker that somebody else owns', () => {
  type Member = {
    readonly person: Person;
    readonly key: ReturnType<typeof makeKey>;
    readonly grant: Grant;
    certificate: string;
  };
  let storeFolder: TestFolder;
  let world: AccessWorld;
  let gateway: Gateway;
  let owned: OwnedWorker;
  let alice: Member;
  let mallory: Member;

  beforeAll(async () => {
    storeFolder = testFolder();
    world = AccessWorld.over(await openBeside({ databaseUrl: null, dataDir: storeFolder.path, log, seals: testSeals }));
    for (const id of ['web-01', 'db-01']) {
      const host_keys = [world.keys.gatewayHostPublicKey];
      world.targets.push(Target.parse({ id, name: id, address: '127.0.0.1', host_keys, logins: [world.login] }));
    }
    const reviewer = await world.person('UREVIEW');
    const people = [await world.person('UALICE', 'guest'), await world.person('UMALLORY', 'guest')];
    const engagement = await world.engagement(people, [reviewer]);
    const members = await Promise.all(
      people.map(async (person, n): Promise<Member> => {
        const key = makeKey();
        const { fingerprint: print, line: publicKey } = key;
        await world.store.transaction((tx) =>
          tx.keys.insert({ fingerprint: print, publicKey, personId: person.id, registeredAt: new Date() }),
        );
        const targets = n === 0 ? ['web-01', 'db-01'] : ['web-01'];
        const grant = await world.grant(person, reviewer, engagement, { targets });
        const [issued] = await world.store.transaction((tx) => tx.grants.certificates(grant.id));
        return { person, key, grant, certificate: issued?.certificate ?? '' };
      }),
    );
    [alice, mallory] = members as [Member, Member];
  });
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
    storeFolder[Symbol.dispose]();
  });

  beforeEach(async () => {
    const refusals = refusalNotes(world.deps);
    const control = gatewayControl({ ...world.deps, sourceAddress: null, connectionsPerGrant: 1_000, refusals });
    const options = {
      ...{ listen: { host: '127.0.0.1', port: 0 }, workers: 1, site: 'test', minFreeMiB: 1, log },
      recipients: [reader.recipient],
      ...{ hostKey: world.keys.gatewayHostKey, userCa: world.keys.userCaPublicKey },
      ...{ spool: join(world.folder, 'spool'), recordings: join(world.folder, 'recordings') },
    };
    const host = new InfiltratedHost(builtWorkers(await localHost(options), options));
    owned = host.owned;
    gateway = await startGateway({ ...options, host }, control);
  });
  afterEach(async () => {
    await gateway[Symbol.asyncDispose]();
  });

  const enter = (who: Member, target = 'web-01', key = makeKey()) => {
    const proof = who.key.proof(`${world.login}+${target}`, who.certificate);
    return { proof, ask: { signed: proof.signed, signature: proof.signature, sessionKey: base64(key.blob) } };
  };

  it('who has a fresh proof gets one certificate, for what the proof names', async () => {
    const answer = await owned.authorize(enter(alice).ask);
    expect(answer).toMatchObject({ kind: 'session', session: { targetId: 'web-01', personId: alice.person.id } });
  });

  it('a proof is good once, with whatever session key or address', async () => {
    const { ask } = enter(alice);
    expect(await owned.authorize(ask)).toMatchObject({ kind: 'session' });
    expect(await owned.authorize(ask)).toMatchObject({ kind: 'refused', code: 'proof_replayed' });
    const sessionKey = base64(makeKey().blob);
    expect(await owned.authorize({ ...ask, sessionKey })).toMatchObject({ kind: 'refused', code: 'proof_replayed' });
  });

  it('a second proof on the same connection is good only where the first was refused', async () => {
    const onConnection = Buffer.alloc(32, 3);
    const asked = (user: string) => {
      const { signed, signature } = alice.key.proof(user, alice.certificate, onConnection);
      return { signed, signature, sessionKey: base64(makeKey().blob) };
    };
    const refused = asked('nobody+web-01');
    expect(await owned.authorize(refused)).toMatchObject({ kind: 'refused', code: 'login_not_granted' });
    expect(await owned.authorize(refused)).toMatchObject({ kind: 'refused', code: 'proof_replayed' });
    expect(await owned.authorize(asked(`${world.login}+web-01`))).toMatchObject({ kind: 'session' });
    expect(await owned.authorize(asked(`${world.login}+db-01`))).toMatchObject({ code: 'proof_replayed' });
  });

  it('a proof for one target opens no other: its name is in what was signed', async () => {
    const { proof, ask } = enter(alice);
    const other = alice.key.proof(`${world.login}+db-01`, alice.certificate);
    expect(await owned.authorize({ ...ask, signed: other.signed })).toMatchObject({ code: 'proof_invalid' });
    expect(await owned.authorize({ ...ask, signature: other.signature })).toMatchObject({ code: 'proof_invalid' });
    // Said as if it came through a jump, where the worker names the target.
    const route = { kind: 'inner', targetName: 'db-01', outerSshSessionId: proof.sshSessionId };
    expect(await owned.authorize({ ...ask, route })).toMatchObject({ kind: 'refused', code: 'proof_invalid' });
  });

  it('a certificate that no CA of ours signed opens nothing', async () => {
    const own = makeKey();
    const { proof } = own;
    const stolen = proof(`${world.login}+web-01`, alice.certificate);
    const sessionKey = base64(own.blob);
    expect(await owned.authorize({ ...stolen, sshSessionId: undefined, sessionKey })).toMatchObject({
      code: 'proof_invalid',
    });
    const [type = '', body = ''] = alice.certificate.split(' ');
    const forged = Buffer.from(body, 'base64');
    const at = forged.indexOf(Buffer.from(alice.key.blob).subarray(-32));
    Buffer.from(own.blob).subarray(-32).copy(forged, at);
    const { signed, signature } = proof(`${world.login}+web-01`, `${type} ${forged.toString('base64')}`);
    expect(await owned.authorize({ signed, signature, sessionKey })).toMatchObject({ kind: 'refused' });
  });

  it('a jump of somebody else’s carries nobody', async () => {
    const outer = alice.key.proof('daypass', alice.certificate);
    const jump = { signed: outer.signed, signature: outer.signature, route: { kind: 'jump' } };
    expect(await owned.authorize(jump)).toMatchObject({ kind: 'jump' });
    const inner = mallory.key.proof(world.login, mallory.certificate);
    const route = { kind: 'inner', targetName: 'db-01', outerSshSessionId: outer.sshSessionId };
    const sessionKey = base64(makeKey().blob);
    const ask = { signed: inner.signed, signature: inner.signature, sessionKey, route };
    expect(await owned.authorize(ask)).toMatchObject({ kind: 'refused', code: 'proof_invalid' });
    const unknown = { ...route, outerSshSessionId: randomBytes(32).toString('hex') };
    expect(await owned.authorize({ ...ask, route: unknown })).toMatchObject({ code: 'proof_invalid' });
  });

  it('an address that it was not handed is not believed', async () => {
    const { ask } = enter(alice);
    expect(await owned.authorize({ ...ask, remoteAddress: '192.0.2.1' })).toMatchObject({
      kind: 'refused',
      code: 'fault',
    });
    expect(await owned.authorize(ask)).toMatchObject({ kind: 'session' });
  });

  it('garbage in the place of a proof is refused, and of a flood of asks two hundred are worked on at a time', async () => {
    const garbage = { signed: base64(randomBytes(300)), signature: base64(randomBytes(83)) };
    expect(await owned.authorize(garbage)).toMatchObject({ kind: 'refused', code: 'proof_invalid' });
    const answers = await Promise.all(Array.from({ length: 300 }, () => owned.authorize(enter(alice).ask)));
    const busy = answers.filter((answer) => answer.kind === 'refused' && answer.code === 'busy').length;
    expect(busy).toBe(100);
    expect(owned.isKilled).toBe(false);
  });
});

describe('a worker that somebody else owns, beside one that is ours', () => {
  let world: GatewayWorld;
  let owned: OwnedWorker;
  beforeEach(async () => {
    world = await GatewayWorld.start({
      workers: 2,
      wrap: (host) => {
        const infiltrated = new InfiltratedHost(host);
        owned = infiltrated.owned;
        return infiltrated;
      },
    });
  });
  afterEach(() => world?.[Symbol.asyncDispose]());

  it('ends, opens or closes no session of the other’s', async () => {
    await using client = sshClient(world, ['direct', 'echo in; cat']);
    await once(client.stdout, 'data');
    const id = await world.control.openedSession(0);
    const opened = world.control.opened_.length;
    owned.say({ type: 'opened', session: id, head: 'ab'.repeat(32) });
    owned.say({ type: 'cut', session: id });
    owned.say({ type: 'closed', session: id, ending: { how: 'closed' }, channels: [], refusals: [], recording: null });
    owned.say({ type: 'opened', session: randomUUID(), head: 'ab'.repeat(32) });
    await pause(300);
    expect(world.control.closed_).toEqual([]);
    expect(world.control.opened_).toHaveLength(opened);
    // Nor can it make control believe that a session is cut that is not.
    world.gateway.terminate([id], REVOKED);
    expect(await world.control.endingOf(id)).toEqual({ how: 'terminated', why: 'revoked' });
    expect(await client.exited).toBe(255);
  });

  it.each([
    ['a message of no type', { type: 'sesame' }],
    ['a field too many', { type: 'ready', also: 1 }],
    ['a proof too large', { type: 'authorize', signed: 'A'.repeat(70_000) }],
    ['a session that is no id', { type: 'cut', session: '../../etc' }],
  ])('is killed and replaced for %s', async (_name, message) => {
    owned.say(message);
    expect(owned.isKilled).toBe(true);
    const areTwo = (): boolean => world.gateway.workers.filter((pid) => pid !== owned.pid).length === 2;
    while (!areTwo()) await pause(20);
    expect(await ssh(world, ['direct', 'echo on'])).toMatchObject({ code: 0, stdout: 'on\n' });
  });

  it('what it reports of refused connections is believed of its own addresses only', async () => {
    const report = { type: 'refused', reason: 'proof_invalid', fingerprint: null };
    owned.say({ ...report, remoteAddress: '192.0.2.1' });
    owned.say({ ...report, remoteAddress: '127.0.0.1' });
    expect(world.control.refusals).toEqual([{ address: '127.0.0.1', reason: 'proof_invalid', fingerprint: null }]);
  });
});

describe('a process in the place of a worker', () => {
  const program = fileURLToPath(new URL('../../support/peers/owned-worker.ts', import.meta.url));

  it.each([
    'half a line that never ends',
    'no JSON',
    'no object',
    'no JSON to Node itself',
    'a line without end to Node itself',
    'an acknowledgement that nobody waits for',
    'a handle that is none',
    'a real handle',
  ])('that sends %s is killed, and costs control nothing', async (way) => {
    using folder = testFolder();
    mkdirSync(join(folder.path, 'spool'));
    const files = { collect: async () => false, left: async () => [] };
    const listen = { host: '127.0.0.1', port: 0 };
    const options = { listen, cwd: join(folder.path, 'spool'), account: null, log, files, program, args: [way] };
    await using host = new ForkHost(options);
    const before = rssMiB(process.pid);
    const broken = await new Promise<string>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('it was let be')), 20_000);
      host.spawn({
        message: () => {},
        connection: () => {},
        broken: (why) => {
          clearTimeout(late);
          resolve(why);
        },
        exit: () => {},
      });
    });
    expect(broken).not.toBe('');
    expect(rssMiB(process.pid) - before).toBeLessThan(64);
  });
});
