#!/usr/bin/env node
// An old Node.js is told so before anything needs what it lacks.
import './node-version.cjs';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { demoCommand } from './cli/demo.ts';
import { initCommand } from './cli/init.ts';
import { grantsCommand, keysCommand, reloadCommand, sessionsCommand } from './cli/operator.ts';
import { print, Refused } from './cli/output.ts';
import { policyCommand } from './cli/policy.ts';
import { recordingsCommand } from './cli/recordings.ts';
import { serveCommand } from './cli/serve.ts';
import { targetsCommand } from './cli/targets.ts';
import { verifyCommand } from './cli/verify.ts';
import { type Config, ConfigError, loadConfig } from './config/load.ts';

/** 0: done. 1: refused or failed. 2: wrong usage or configuration. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof Refused) return error.exitCode;
  return error instanceof ConfigError ? 2 : 1;
}

function build(): Command {
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
  initCommand(program);
  serveCommand(program);
  demoCommand(program);
  targetsCommand(program, config);
  policyCommand(program, config);
  reloadCommand(program, config);
  grantsCommand(program, config);
  sessionsCommand(program, config);
  keysCommand(program, config);
  recordingsCommand(program, config);
  verifyCommand(program, config);
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
  await build().parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
  if (!(error instanceof CommanderError)) {
    process.stderr.write(`daypass: ${error instanceof Error ? error.message : String(error)}\n`);
    if (process.env['DAYPASS_LOG_LEVEL'] === 'debug' && error instanceof Error)
      process.stderr.write(`${error.stack}\n`);
  }
}
