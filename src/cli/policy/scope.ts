import type { Command } from 'commander';
import { type ChannelAsk, permits } from '../../access/scopes/permits.ts';
import { findScope, type Scope } from '../../access/scopes/scope.ts';
import type { TunnelFacts } from '../../access/scopes/tunnels.ts';
import type { Config } from '../../config/load.ts';
import { gatewayPlace, inventoryOf } from '../../config/places.ts';
import { print, printJson, Refused } from '../output.ts';
import { scopeWarnings } from './scope-warnings.ts';

type Options = {
  readonly exec?: string;
  readonly subsystem?: string;
  readonly tunnel?: string;
  readonly shell?: boolean;
  readonly pty?: boolean;
  readonly target?: string;
  readonly json?: boolean;
};

export function scopeCommand(policy: Command, config: () => Config): void {
  policy
    .command('scope')
    .description(
      'Show whether a scope allows something, as the gateway would decide, and warn what its commands could be used for. Exit code 0: allowed; 1: refused.',
    )
    .argument('<name>', 'a built-in scope, or one from policy.yml')
    .option('--exec <command>', 'a command line, as in ssh <target> <command>')
    .option('--shell', 'a shell')
    .option('--pty', 'a terminal')
    .option('--subsystem <name>', 'a subsystem, such as sftp')
    .option('--tunnel <host:port>', 'a tunnel; needs --target')
    .option('--target <id>', 'the target that a tunnel starts from')
    .option('--json', 'print JSON')
    .action((name: string, options: Options) => {
      const read = config();
      const scope = scopeOf(read, name);
      const warnings = scopeWarnings(scope);
      const asks = asksOf(options);
      const facts = options.target === undefined ? null : factsOf(read, options.target);
      if (options.tunnel !== undefined && !facts) throw new Refused('A tunnel starts from a target: add --target.', 2);
      const verdicts = asks.map((ask) => ({ ask, ...permits(scope, ask, facts) }));
      if (options.json) printJson({ scope: scope.name, verdicts, warnings });
      else {
        for (const verdict of verdicts) print(verdict.allowed ? 'allowed' : `refused: ${verdict.why}`);
        for (const warning of warnings) print(`warning: ${warning}`);
        if (verdicts.length === 0 && warnings.length === 0) print('No warnings.');
      }
      process.exitCode = verdicts.every((verdict) => verdict.allowed) ? 0 : 1;
    });
}

function scopeOf(config: Config, name: string): Scope {
  const { scopes } = inventoryOf(config);
  const scope = findScope(scopes, name);
  if (scope) return scope;
  throw new Refused(`No scope is called ${name}. The scopes are: ${scopes.map((each) => each.name).join(', ')}.`, 2);
}

function asksOf(options: Options): ChannelAsk[] {
  const { exec, shell, pty, subsystem, tunnel } = options;
  return [
    ...(shell ? [{ kind: 'shell' } as const] : []),
    ...(pty ? [{ kind: 'pty' } as const] : []),
    ...(exec === undefined ? [] : [{ kind: 'exec', command: exec } as const]),
    ...(subsystem === undefined ? [] : [{ kind: 'subsystem', name: subsystem } as const]),
    ...(tunnel === undefined ? [] : [{ kind: 'tunnel', ...destination(tunnel) } as const]),
  ];
}

function destination(text: string): { host: string; port: number } {
  const colon = text.lastIndexOf(':');
  const port = Number(text.slice(colon + 1));
  if (colon > 0 && Number.isInteger(port)) return { host: text.slice(0, colon), port };
  throw new Refused(`--tunnel takes <host>:<port>, not ${text}`, 2);
}

function factsOf(config: Config, id: string): TunnelFacts {
  const target = config.targets.find((each) => each.id === id);
  if (!target) throw new Refused(`No target in targets.yml is called ${id}.`, 2);
  return { target, gateway: gatewayPlace(config.gateway) };
}
