import { readFileSync } from 'node:fs';
import { makeKeyFile } from '../support/peers/openssh.ts';

export async function makeHostKey(folder: string): Promise<{ readonly privateKey: string; readonly line: string }> {
  const { path, line } = await makeKeyFile(folder, 'ed25519', 'crowd_host_key');
  return { privateKey: readFileSync(path, 'utf8'), line };
}
