import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Outcome, run, runOk } from './processes.ts';
import type { Sshd } from './sshd.ts';

/** Keys and logins made by stock OpenSSH. */

export type KeyFile = {
  /** Of the private key; the public one is beside it, `.pub`. */
  readonly path: string;
  /** `<type> <base64>`. */
  readonly line: string;
};

/** `kind` as ssh-keygen's -t and -b take it: `ed25519`, `ecdsa-384`, `rsa-3072`. */
export async function makeKeyFile(folder: string, kind: string, name = kind): Promise<KeyFile> {
  const [type = '', bits] = kind.split('-');
  const path = join(folder, name);
  await runOk('ssh-keygen', ['-q', '-t', type, ...(bits ? ['-b', bits] : []), '-N', '', '-C', 'x', '-f', path]);
  const line = await runOk('ssh-keygen', ['-y', '-f', path]);
  return { path, line: line.trim().split(' ').slice(0, 2).join(' ') };
}

/** Puts a private key that exists already where ssh finds it. */
export function writeKeyFile(folder: string, name: string, pem: string): string {
  const path = join(folder, name);
  writeFileSync(path, pem, { mode: 0o600 });
  chmodSync(path, 0o600);
  return path;
}

export type Login = {
  /** Path of the private key. */
  readonly key?: string;
  /** `<type> <base64>`; written beside the key. */
  readonly certificate?: string;
  readonly login?: string;
  /** More of ssh's options, each as `-o` takes it. */
  readonly options?: readonly string[];
  readonly flags?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
};

/** Logs in with ssh as a person would who has these files and nothing else. */
export function ssh(sshd: Pick<Sshd, 'address' | 'port' | 'login' | 'knownHosts'>, login: Login): Promise<Outcome> {
  // ssh takes the first value that it sees.
  const options = [
    ...(login.options ?? []),
    'IdentitiesOnly=yes',
    'BatchMode=yes',
    'PreferredAuthentications=publickey',
    'StrictHostKeyChecking=yes',
    `UserKnownHostsFile=${sshd.knownHosts}`,
    'GlobalKnownHostsFile=/dev/null',
    'ConnectTimeout=30',
    ...(login.env?.['SSH_AUTH_SOCK'] ? [] : ['IdentityAgent=none']),
  ];
  if (login.key !== undefined && login.certificate !== undefined) {
    const path = `${login.key}-cert.pub`;
    writeFileSync(path, `${login.certificate}\n`);
    options.push(`CertificateFile=${path}`);
  }
  const args = [
    '-F',
    'none',
    ...(login.flags ?? []),
    '-p',
    String(sshd.port),
    ...options.flatMap((each) => ['-o', each]),
  ];
  if (login.key !== undefined) args.push('-i', login.key);
  args.push(`${login.login ?? sshd.login}@${sshd.address}`, ...(login.command ?? ['true']));
  return run('ssh', args, login.env ? { env: login.env } : {});
}
