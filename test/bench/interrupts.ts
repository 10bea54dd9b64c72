import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { compared, type Figure, type Options } from './figures.ts';
import { Lab, type Way } from './lab.ts';

const run = promisify(execFile);
const TERMINAL = fileURLToPath(new URL('paced_terminal.py', import.meta.url));
/** Bytes a second that the terminal draws, or a thin link brings. */
const RATES = [1_000_000, 250_000];
/** Long enough for every buffer between the target and the terminal to be full. */
const SCROLL_SECONDS = 6;
/**
 * OpenSSH writes to a terminal all that it has, waits until that is drawn, and lets the other side send as much again: half of its
 * window of 1 MiB. What waits goes up and down with that, so Ctrl-C comes at several moments of one such period.
 */
const PERIOD_BYTES = 512 * 1024;

async function interrupted(rate: number, phase: number, { config, host }: Way): Promise<number> {
  const before = SCROLL_SECONDS + (phase * PERIOD_BYTES) / rate;
  const args = [TERMINAL, String(rate), String(before), 'ssh', '-tt', '-F', config, host];
  const { stdout } = await run('python3', args);
  return (JSON.parse(stdout) as { seconds: number }).seconds;
}

/** How long a program that floods a slow terminal goes on scrolling after Ctrl-C. */
export async function interrupts({ isQuick, progress }: Options): Promise<Figure[]> {
  await using lab = await Lab.start();
  const { direct, jump, straight } = lab.ways();
  const figures: Figure[] = [];
  for (const rate of RATES) {
    const seconds = new Map<Way, number[]>([direct, jump, straight].map((way) => [way, []]));
    const rounds = isQuick ? 4 : 12;
    for (let round = 0; round < rounds; round += 1) {
      // Side by side: none of them is busy, and each sees what the machine does meanwhile.
      const measure = async ([way, times]: [Way, number[]]): Promise<void> => {
        times.push(await interrupted(rate, round / rounds, way));
        progress(`  ${rate / 1e6} MB/s, round ${round + 1} ${way.host}: ${times.at(-1)?.toFixed(2)} s`);
      };
      await Promise.all([...seconds].map(measure));
    }
    const mean = (way: Way): number => (seconds.get(way) ?? []).reduce((sum, each) => sum + each, 0) / rounds;
    const what = `Ctrl-C on a terminal of ${rate / 1e6} MB/s`;
    figures.push(
      compared(`${what}, login+target, to sshd alone`, mean(direct), mean(straight), 's', { atMost: 1.2 }),
      compared(`${what}, through the jump, to sshd alone`, mean(jump), mean(straight), 's', { atMost: 1.2 }),
    );
  }
  return figures;
}
