import ssh2 from 'ssh2';
import { UPSTREAM_ALGORITHMS } from './algorithms.ts';

/** The kinds of host key that can be pinned, the preferred one first. */
const HOST_KEY_ALGORITHMS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
] as const;

/** The host keys that an address shows now, as `<type> <base64>`; throws where nothing answers there. */
export async function scanHostKeys(address: string, port: number, timeoutMs: number): Promise<string[]> {
  const found: string[] = [];
  for (const algorithm of HOST_KEY_ALGORITHMS) {
    const key = await hostKeyOf(address, port, algorithm, timeoutMs);
    if (key) found.push(`${algorithm.startsWith('rsa') ? 'ssh-rsa' : algorithm} ${key.toString('base64')}`);
  }
  return found;
}

function hostKeyOf(address: string, port: number, algorithm: string, timeoutMs: number): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    client.on('error', (error: Error & { level?: string; code?: string }) => {
      client.destroy();
      // No host key of this kind, or our refusal below: an answer. Anything else is a host that is not there.
      if (error.level === 'handshake') resolve(null);
      else reject(new Error(`${address}:${port} does not answer as an SSH server (${error.code ?? error.message})`));
    });
    client.connect({
      host: address,
      port,
      username: 'daypass',
      readyTimeout: timeoutMs,
      algorithms: { ...UPSTREAM_ALGORITHMS, serverHostKey: [algorithm] as never },
      hostVerifier: (key: Buffer) => {
        resolve(key);
        return false;
      },
    });
  });
}
