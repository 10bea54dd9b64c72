import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import ssh2, { type Client, type ClientChannel } from 'ssh2';
import { type Figure, limited, median, type Options, percentile } from './figures.ts';
import { certify, enter, Lab, now } from './lab.ts';

const ROUNDS = 7;
/** A person never types faster; between two the machine may rest. */
const GAP_MS = 2;

export const terminal = (client: Client, command: string): Promise<ClientChannel> =>
  new Promise((resolve, reject) => {
    client.exec(command, { pty: true }, (error, channel) => (error ? reject(error) : resolve(channel)));
  });

/** Types so many keys, one after the other, and says how long the echo of each took, in ms. */
export async function typed(channel: ClientChannel, count: number, gapMs = GAP_MS): Promise<number[]> {
  const times: number[] = [];
  for (let key = 0; key < count; key += 1) {
    await pause(gapMs);
    const begun = now();
    const echo = once(channel, 'data', { signal: AbortSignal.timeout(20_000) });
    channel.write('x');
    await echo;
    times.push(now() - begun);
  }
  return times;
}

/** The terminal itself echoes; no shell redraws its line. */
const ECHO = 'stty -icanon; echo ready; exec cat > /dev/null';

/** A terminal that echoes what is typed into it. */
export async function echoing(client: Client): Promise<ClientChannel> {
  const channel = await terminal(client, ECHO);
  let seen = '';
  while (!seen.includes('ready\r\n')) seen += String((await once(channel, 'data'))[0]);
  await typed(channel, 100);
  return channel;
}

export async function keystrokes({ isQuick, progress }: Options): Promise<Figure[]> {
  const perBlock = isQuick ? 150 : 400;
  await using lab = await Lab.start();
  const { world, target } = lab;
  const straight = new ssh2.Client();
  straight.connect({
    host: target.address,
    port: target.port,
    username: world.login,
    privateKey: readFileSync(world.person.path),
    algorithms: { cipher: ['aes128-gcm@openssh.com'] },
  });
  await once(straight, 'ready');
  const { address: host, port } = world.gateway;
  const through = await enter({ host, port, username: `${world.login}+web-01` }, certify(world));
  const channels = { straight: await echoing(straight), through: await echoing(through) };
  const added: number[] = [];
  const middle: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const times = {
      straight: await typed(channels.straight, perBlock),
      through: await typed(channels.through, perBlock),
    };
    added.push(percentile(times.through, 0.99) - percentile(times.straight, 0.99));
    middle.push(median(times.through) - median(times.straight));
    progress(`  round ${round + 1}: p99 +${added.at(-1)?.toFixed(2)} ms, median +${middle.at(-1)?.toFixed(2)} ms`);
  }
  straight.end();
  through.end();
  return [
    limited(`echo of a keystroke: p99 added to a direct connection`, median(added), 2, 'ms', '≤'),
    limited(`echo of a keystroke: median added to a direct connection`, median(middle), 2, 'ms', '≤'),
  ];
}
