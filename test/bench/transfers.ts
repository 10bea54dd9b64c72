import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_CIPHERS } from '../../src/gateway/ssh/algorithms.ts';
import { compared, type Figure, median, type Options } from './figures.ts';
import { dropRecordings, Lab, now, type Way } from './lab.ts';

const ROUNDS = 5;

type Measured = Map<string, { seconds: number[]; cpu: number[] }>;

/** Runs each way once per round, in another order each time; notes the time and what the worker spent. */
async function alternate(
  lab: Lab,
  rounds: number,
  ways: Record<string, Way>,
  once_: (way: Way) => Promise<void>,
  progress: Options['progress'],
): Promise<Measured> {
  const measured: Measured = new Map(Object.keys(ways).map((name) => [name, { seconds: [], cpu: [] }]));
  for (let round = 0; round < rounds; round += 1) {
    const names = Object.keys(ways);
    const order = [...names.slice(round % names.length), ...names.slice(0, round % names.length)];
    for (const name of order) {
      const way = ways[name];
      if (!way) continue;
      const [begun, cpu] = [now(), lab.workerCpu];
      await once_(way);
      const seconds = (now() - begun) / 1000;
      await dropRecordings(lab.world);
      measured.get(name)?.seconds.push(seconds);
      measured.get(name)?.cpu.push(lab.workerCpu - cpu);
      progress(`  round ${round + 1} ${name}: ${seconds.toFixed(2)} s`);
    }
  }
  return measured;
}

/** Runs an OpenSSH program to its end; what it prints goes nowhere. */
export async function runClient(program: string, args: readonly string[], stdin?: string): Promise<void> {
  const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'pipe'], env: { ...process.env, LC_ALL: 'C' } });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(stdin ?? '');
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${stderr}`);
}

/** Lines such as a log has: some that repeat, numbers that do not, quotes and a tab. */
function writeText(path: string, megabytes: number): void {
  const file = openSync(path, 'w');
  let number = 0;
  for (let written = 0; written < megabytes; written += 1) {
    let block = '';
    while (block.length < 1_000_000) {
      number += 1;
      block += `2026-01-01T00:00:00.${number % 1000}Z web-01 app[${number % 977}]: GET "/orders/${number}"\t200 in ${number % 89} ms\n`;
    }
    writeSync(file, block.slice(0, 1_000_000));
  }
  closeSync(file);
}

const CIPHERS = { aes128: 'aes128-gcm@openssh.com', chacha20: 'chacha20-poly1305@openssh.com' } as const;

export async function cat(kind: keyof typeof CIPHERS, { isQuick, progress }: Options): Promise<Figure[]> {
  const cipher = CIPHERS[kind];
  const megabytes = isQuick ? 100 : 300;
  const what = `cat ${megabytes} MB, ${kind === 'aes128' ? 'aes128-gcm' : 'chacha20-poly1305'}`;
  await using lab = await Lab.start({ ciphers: [...DEFAULT_CIPHERS, 'chacha20-poly1305@openssh.com'] });
  const ways = lab.ways(cipher);
  const file = join(lab.world.folder.path, 'text');
  writeText(file, megabytes);
  const transfer = ({ config, host }: Way) => runClient('ssh', ['-F', config, host, `cat ${file}`]);
  const measured = await alternate(lab, ROUNDS, ways, transfer, progress);
  return rows(what, megabytes, measured);
}

function rows(what: string, megabytes: number, measured: Measured): Figure[] {
  const rate = (way: string): number => megabytes / median(measured.get(way)?.seconds ?? []);
  const reference = rate('proxyjump');
  const figures = (['direct', 'jump'] as const).map((way): Figure => {
    const name = `${what}, recorded, ${way === 'direct' ? 'login+target' : 'through the jump'}`;
    return compared(name, rate(way), reference, 'MB/s', { atLeast: 1 });
  });
  const cpu = (way: string): number => (median(measured.get(way)?.cpu ?? []) / megabytes) * 1000;
  const spent = compared(`${what}: CPU of the worker, login+target to jump`, cpu('direct'), cpu('jump'), 's/GB', null);
  const openssh = measured.has('straight')
    ? [compared(`${what}: OpenSSH itself, ProxyJump to straight`, reference, rate('straight'), 'MB/s', null)]
    : [];
  return [...figures, ...openssh, spent];
}

export async function sftp({ isQuick, progress }: Options): Promise<Figure[]> {
  const megabytes = isQuick ? 100 : 500;
  await using lab = await Lab.start();
  const { direct, jump, proxyjump } = lab.ways();
  const file = join(lab.world.folder.path, 'file');
  writeText(file, megabytes);
  const figures: Figure[] = [];
  for (const verb of ['get', 'put'] as const) {
    const copy = `${file}-copy`;
    const transfer = ({ config, host }: Way) =>
      runClient('sftp', ['-q', '-F', config, '-b', '-', host], `${verb} ${file} ${copy}\n`).finally(() =>
        rmSync(copy, { force: true }),
      );
    progress(` ${verb}`);
    const measured = await alternate(lab, ROUNDS, { direct, jump, proxyjump }, transfer, progress);
    figures.push(...rows(`sftp ${verb} ${megabytes} MB`, megabytes, measured));
  }
  return figures;
}

export async function logins({ isQuick, progress }: Options): Promise<Figure[]> {
  await using lab = await Lab.start();
  const ways = lab.ways();
  const enter = ({ config, host }: Way) => runClient('ssh', ['-F', config, host, 'true']);
  const measured = await alternate(lab, isQuick ? 5 : 15, ways, enter, progress);
  const ms = (way: string): number => median(measured.get(way)?.seconds ?? []) * 1000;
  return [
    compared('ssh target true, login+target', ms('direct'), ms('proxyjump'), 'ms', { atMost: 0.9 }),
    compared('ssh target true, through the jump', ms('jump'), ms('proxyjump'), 'ms', { atMost: 0.9 }),
    compared('ssh target true: OpenSSH itself, ProxyJump to straight', ms('proxyjump'), ms('straight'), 'ms', null),
  ];
}
