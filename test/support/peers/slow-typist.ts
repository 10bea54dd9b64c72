import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GatewayWorld } from '../worlds/gateway-world.ts';
import { type Outcome, run, runOk } from './processes.ts';

/**
 * Somebody whose key has a passphrase, which takes so many seconds to type: runs ssh with these arguments. The file `typed.asked` is
 * there once somebody was asked for it.
 */
export async function slowTypist(
  { folder, person, sshConfig }: GatewayWorld,
  seconds: number,
): Promise<(args: readonly string[]) => Promise<Outcome>> {
  const key = join(folder.path, 'typed');
  copyFileSync(person.path, key);
  copyFileSync(`${person.path}.pub`, `${key}.pub`);
  await runOk('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'a passphrase', '-f', key]);
  writeFileSync(`${key}.sh`, `#!/bin/sh\n: > ${key}.asked\nsleep ${seconds}\necho a passphrase\n`, { mode: 0o700 });
  const config = readFileSync(sshConfig, 'utf8')
    .replaceAll(`IdentityFile ${person.path}`, `IdentityFile ${key}`)
    .replaceAll('BatchMode yes', 'BatchMode no');
  writeFileSync(`${key}.config`, config);
  const env = { SSH_ASKPASS: `${key}.sh`, SSH_ASKPASS_REQUIRE: 'force' };
  return (args) => run('ssh', ['-F', `${key}.config`, ...args], { env });
}
