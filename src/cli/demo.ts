import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { Refused } from './output.ts';

const DEFAULT_PORT = 8022;
const EXIT_MS = 1_000;

export function demoCommand(program: Command): void {
  program
    .command('demo')
    .description('Try Daypass on this machine: a chat workspace in the browser, two targets, and Daypass between them.')
    .option('--tour', 'play the story unattended, print each step, and exit')
    .action(async (options: { tour?: boolean }) => {
      const { runDemo } = await import('../demo/demo.ts');
      const code = await runDemo({
        cli: commandIn,
        tour: options.tour ?? false,
        port: demoPort(),
        out: process.stdout,
      });
      process.exitCode = code;
      // Nothing that is left over may keep the terminal.
      setTimeout(() => process.exit(), EXIT_MS).unref();
    });
}

/** What runs `daypass`: this build, or one that is made of these sources in the folder. */
async function commandIn(folder: string, signal: AbortSignal): Promise<readonly string[]> {
  if (import.meta.url.endsWith('.js'))
    return [process.execPath, ...process.execArgv, fileURLToPath(new URL('../cli.js', import.meta.url))];
  const { compile } = await import('../demo/compile.ts');
  return [process.execPath, await compile(folder, signal)];
}

function demoPort(): number {
  const given = process.env['DAYPASS_DEMO_PORT'];
  if (given === undefined) return DEFAULT_PORT;
  const port = Number(given);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new Refused(`DAYPASS_DEMO_PORT is ${given}. It must be a port number, or 0 for any free port.`, 2);
}
