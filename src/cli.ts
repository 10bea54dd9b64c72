#!/usr/bin/env node
// An old Node.js is told so before anything needs what it lacks.
import './node-version.cjs';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { print, Refused } from './cli/output.ts';
import { type Config, ConfigError, loadConfig } from './config/load.ts';

/** 0: done. 1: refused or failed. 2: wrong usage or configuration. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof Refused) return error.exitCode;
  return error instanceof ConfigError ? 2 : 1;
}

type Add = (program: Command, config: () => Config) => void;
/** Loaded when it is called: the launcher, for one, needs few of these files. In the order of `--help`. */
const COMMANDS: Readonly<Record<string, () => Promise<Add>>> = {
  init: async () => (await import('./cli/init.ts')).initCommand,
  serve: async () => (await import('./cli/serve.ts')).serveCommand,
  migrate: async () => (await import('./cli/serve.ts')).serveCommand,
  manifest: async () => (await import('./cli/manifest.ts')).manifestCommand,
  demo: async () => (await import('./cli/demo.ts')).demoCommand,
  targets: async () => (await import('./cli/targets.ts')).targetsCommand,
  policy: async () => (await import('./cli/policy/policy.ts')).policyCommand,
  reload: async () => (await import('./cli/reload.ts')).reloadCommand,
  grants: async () => (await import('./cli/grants.ts')).grantsCommand,
  sessions: async () => (await import('./cli/sessions.ts')).sessionsCommand,
  keys: async () => (await import('./cli/keys.ts')).keysCommand,
  people: async () => (await import('./cli/people.ts')).peopleCommand,
  engagements: async () => (await import('./cli/engagements.ts')).engagementsCommand,
  requests: async () => (await import('./cli/requests.ts')).requestsCommand,
  offboard: async () => (await import('./cli/offboard.ts')).offboardCommand,
  recordings: async () => (await import('./cli/recordings.ts')).recordingsCommand,
  verify: async () => (await import('./cli/verify.ts')).verifyCommand,
};

/** The command that is called, where its name stands first or behind `--config`; all of them for help and for wrong usage. */
async function called(args: readonly string[]): Promise<Set<Add>> {
  const [first, , third] = args;
  const name = (first === '-c' || first === '--config' ? third : first) ?? '';
  const known = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  return new Set(await Promise.all((known ? [known] : Object.values(COMMANDS)).map((load) => load())));
}

async function build(args: readonly string[]): Promise<Command> {
  const { version } = JSON.parse(readFileSync(fileURLToPath(new URL('../package.json', import.meta.url)), 'utf8')) as {
    version: string;
  };
  const program = new Command('daypass')
    .description(
      'Temporary SSH access for contractors: requested in Slack, approved with one click, recorded, and ended automatically.',
    )
    .option('-c, --config <file>', 'the settings file; targets.yml and policy.yml are next to it', 'daypass.yml')
    .version(version)
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'daypass: ')) })
    .exitOverride();
  const config = (): Config => loadConfig(program.opts<{ config: string }>().config);
  for (const add of await called(args)) add(program, config);
  program
    .command('version')
    .description('Print the version.')
    .action(() => print(version));
  return program;
}

// `daypass grants list | head` closes the pipe early; that is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  const program = await build(process.argv.slice(2));
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
  if (!(error instanceof CommanderError)) {
    process.stderr.write(`daypass: ${error instanceof Error ? error.message : String(error)}\n`);
    if (process.env['DAYPASS_LOG_LEVEL'] === 'debug' && error instanceof Error)
      process.stderr.write(`${error.stack}\n`);
  }
}
