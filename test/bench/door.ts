import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { makeKeyFile } from '../support/peers/openssh.ts';
import { type Outcome, run } from '../support/peers/processes.ts';
import { slowTypist } from '../support/peers/slow-typist.ts';
import { fingerprintOf, GatewayWorld } from '../support/worlds/gateway-world.ts';
import { counted, type Figure, type Options } from './figures.ts';
import type { Crowding, FromPeers, ToPeers } from './flood-messages.ts';
import { Helper, Lab, leftBehind } from './lab.ts';

const LOGINS = 20;
const PASSPHRASE_S = 6;
const ADDRESSES = 200;
const AT_ONCE = 60;
/** Until the flood has filled whatever it can. */
const FILL_MS = 12_000;
const APART_MS = 300;
const ROUND_TRIP_MS = 100;
/** Of a target, which is not what is measured. */
const PATIENT = { extraConfig: 'MaxStartups 500' };

const gotIn = (outcomes: readonly Outcome[]): number => outcomes.filter(({ code }) => code === 0).length;

/** Who is at the door, and who gets in meanwhile. */
type Row = {
  readonly does: Crowding;
  readonly perSecond: number;
  readonly crowd: string;
  readonly people: string;
  readonly login: (n: number) => Promise<Outcome>;
};

/** Logins while others are at the door. */
export async function door({ isQuick, progress }: Options): Promise<Figure[]> {
  const world = leftBehind.use(await GatewayWorld.start({ workers: 2, sshd: PATIENT }));
  const far = leftBehind.use(await distance(world.gateway.port));
  const figures: Figure[] = [];
  for (const { does, perSecond, crowd, people, login } of await rows(world, far.port)) {
    const flood = leftBehind.use(new Helper<ToPeers, FromPeers>('./flood-peers.ts'));
    const { address: host, port } = world.gateway;
    flood.send({ type: 'crowd', does, perSecond, addresses: ADDRESSES, host, port });
    await pause(isQuick ? FILL_MS / 4 : FILL_MS);
    const logins: Promise<Outcome>[] = [];
    for (let n = 0; n < LOGINS; n += 1) {
      logins.push(login(n));
      await pause(APART_MS);
    }
    const outcomes = await Promise.all(logins);
    flood.send({ type: 'stop' });
    const { begun } = await flood.next('crowded');
    await leftBehind.dispose(flood);
    progress(`  ${begun} ${crowd}; ${gotIn(outcomes)} of ${LOGINS} got in`);
    for (const { stderr } of outcomes.filter(({ code }) => code !== 0)) progress(`    ${stderr.trim()}`);
    figures.push(
      counted(`${perSecond} ${crowd} a second of ${ADDRESSES} addresses: ${people}`, gotIn(outcomes), LOGINS),
    );
  }
  for (const each of [far, world]) await leftBehind.dispose(each);
  return [...figures, ...(await atOnce(progress))];
}

async function rows(world: GatewayWorld, far: number): Promise<readonly Row[]> {
  const { control, gateway, folder } = world;
  const type = await slowTypist(world, PASSPHRASE_S);
  const plain = await makeKeyFile(folder.path, 'ed25519', 'plain');
  control.register({ fingerprint: fingerprintOf(plain), publicKey: plain.line });
  const byKey = [
    ...['-F', '/dev/null', '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no', '-o', 'IdentityAgent=none'],
    ...['-o', 'UserKnownHostsFile=/dev/null', '-i', plain.path, '-p', `${gateway.port}`, `daypass@${gateway.address}`],
  ];
  const from = (n: number): string[] => ['-b', `127.0.4.${1 + n}`];
  const typed = `logins with ${PASSPHRASE_S} s for a passphrase`;
  const silent = 'silent connections';
  return [
    {
      ...{ does: 'silence', perSecond: 100, crowd: silent, people: typed },
      login: (n) => type([...from(n), 'direct', 'true']),
    },
    {
      ...{ does: 'silence', perSecond: 200, crowd: silent, people: `${typed}, ${ROUND_TRIP_MS} ms of round trip` },
      login: () => type(['-p', String(far), 'direct', 'true']),
    },
    {
      ...{ does: 'exchange', perSecond: 100, crowd: 'key exchanges' },
      people: `keys registered with ${PASSPHRASE_S} s for a passphrase`,
      login: async (n) => type([...from(n), '-l', `register-${await control.newCode()}`, 'gateway']),
    },
    {
      ...{ does: 'offers', perSecond: 50, crowd: 'offers of 19 unknown keys each' },
      people: 'logins with a plain key',
      login: (n) => run('ssh', [...from(n), ...byKey, 'list']),
    },
  ];
}

/** One address, as of clush, a CI system or an office behind NAT. */
async function atOnce(progress: Options['progress']): Promise<Figure[]> {
  const lab = leftBehind.use(await Lab.start({ workers: 2, sshd: PATIENT }));
  const { direct, straight } = lab.ways();
  const all = ({ config, host }: typeof direct): Promise<Outcome[]> =>
    Promise.all(Array.from({ length: AT_ONCE }, () => run('ssh', ['-F', config, host, 'true'])));
  const [ours, reference] = [gotIn(await all(direct)), gotIn(await all(straight))];
  await leftBehind.dispose(lab);
  progress(`  ${ours} of ${AT_ONCE} at once got in; sshd alone lets in ${reference}`);
  return [counted(`${AT_ONCE} logins at once from one address`, ours, AT_ONCE, reference)];
}

/** What is far away: each byte takes half a round trip, and each connection comes from an address of its own. */
async function distance(to: number): Promise<AsyncDisposable & { readonly port: number }> {
  const open = new Set<Socket>();
  let connections = 0;
  const server = createServer((near) => {
    connections += 1;
    const far = connect({ port: to, host: '127.0.0.1', localAddress: `127.0.5.${1 + (connections % 250)}` });
    for (const [from, into] of [[near, far] as const, [far, near] as const]) {
      open.add(from.setNoDelay(true).on('error', () => from.destroy()));
      from.on('data', (bytes: Buffer) => void setTimeout(() => into.write(bytes), ROUND_TRIP_MS / 2));
      from.once('end', () => void setTimeout(() => into.end(), ROUND_TRIP_MS / 2));
      from.once('close', () => {
        open.delete(from);
        setTimeout(() => into.destroy(), ROUND_TRIP_MS);
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
