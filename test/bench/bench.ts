import { descendants } from '../support/peers/processes.ts';
import { against } from './against.ts';
import { idle, streams } from './crowd.ts';
import { door } from './door.ts';
import { type Figure, type Options, table } from './figures.ts';
import { handshakes } from './handshakes.ts';
import { hostile } from './hostile.ts';
import { interrupts } from './interrupts.ts';
import { keystrokes } from './keystrokes.ts';
import { leftBehind } from './lab.ts';
import { policy } from './policy.ts';
import { replaced } from './replaced.ts';
import { revoked } from './revoked.ts';
import { cat, logins, sftp } from './transfers.ts';

/**
 * Figures of the gateway, recording, against OpenSSH in the same run: medians of alternating rounds. `--json` prints them for
 * programs, `--only <row>` picks rows, `--quick` takes smaller sizes, `--against <folder>` measures another build in turn with this
 * one. docs/performance.md says how to read them.
 */

const ROWS: Record<string, (options: Options) => Promise<Figure[]>> = {
  'cat-aes128': (options) => cat('aes128', options),
  'cat-chacha20': (options) => cat('chacha20', options),
  sftp,
  login: logins,
  keystroke: keystrokes,
  interrupt: interrupts,
  idle,
  streams,
  hostile,
  replaced,
  revoked,
  handshakes,
  door,
  policy,
};

const USAGE = `npm run bench -- [--json] [--quick] [--against <folder>] [--only <row>]...   rows: ${Object.keys(ROWS).join(', ')}\n`;

/** Nothing of ours may stay, whatever state the programs are in. */
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, async () => {
    process.on('unhandledRejection', () => {});
    process.stderr.write('ending everything\n');
    await leftBehind[Symbol.asyncDispose]();
    for (const pid of descendants(process.pid)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
    }
    process.exit(code);
  });
}

/** The other rows are measured all the same. */
const failed = (name: string, { message }: Error): Figure => ({
  ...{ name, ours: null, reference: null, unit: '', ratio: null, met: false },
  target: `failed: ${message.split('\n')[0]}`,
});

async function measured(rows: readonly string[], options: Options): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const name of rows) {
    options.progress(name);
    figures.push(...((await ROWS[name]?.(options).catch((error: Error) => [failed(name, error)])) ?? []));
  }
  return figures;
}

async function main(args: readonly string[]): Promise<void> {
  const only = args.flatMap((arg, index) => (arg === '--only' ? [args[index + 1] ?? ''] : []));
  const other = args.includes('--against') ? (args[args.indexOf('--against') + 1] ?? '') : null;
  const known = ['--json', '--quick', '--only', ...only, '--against', other];
  if (args.some((arg) => !known.includes(arg)) || only.some((name) => !(name in ROWS))) {
    process.stderr.write(USAGE);
    process.exitCode = 2;
    return;
  }
  // The workers' log would stand among the figures.
  process.env['DAYPASS_LOG_LEVEL'] ??= 'silent';
  const progress = (line: string): void => void process.stderr.write(`${line}\n`);
  const options: Options = { isQuick: args.includes('--quick'), progress };
  const rows = Object.keys(ROWS).filter((name) => only.length === 0 || only.includes(name));
  const figures = other === null ? await measured(rows, options) : await against(other, rows, options);
  if (args.includes('--json')) process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
  else
    process.stdout.write(`${options.isQuick ? 'Quick: smaller sizes, figures that say less.\n' : ''}${table(figures)}`);
}

await main(process.argv.slice(2)).finally(() => leftBehind[Symbol.asyncDispose]());
