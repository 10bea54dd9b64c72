import ssh2 from 'ssh2';
import { UPSTREAM_ALGORITHMS } from '../ssh/algorithms.ts';
import { MESSAGE } from '../ssh/messages.ts';
import { missing, type Proposal, readProposal, targetWords } from '../ssh/negotiation.ts';
import { internalsOf, proposalOf, tapMessages } from '../ssh/ssh2-internals.ts';
import { SOCKET_ERRORS } from './failures.ts';

/** The kinds of host key that can be pinned, the preferred one first. */
const HOST_KEY_ALGORITHMS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
] as const;

/**
 * The host keys that an address shows now, as `<type> <base64>`; throws where nothing answers there, or nothing that could be talked
 * to. `note` is told where only the legacy algorithms of a target do.
 */
export async function scanHostKeys(
  address: string,
  port: number,
  timeoutMs: number,
  note: (text: string) => void = () => {},
): Promise<string[]> {
  const found: string[] = [];
  let theirs: Proposal | null = null;
  for (const algorithm of HOST_KEY_ALGORITHMS) {
    const shown = await hostKeyOf(address, port, algorithm, timeoutMs);
    if (shown.key) found.push(`${algorithm.startsWith('rsa') ? 'ssh-rsa' : algorithm} ${shown.key.toString('base64')}`);
    theirs ??= shown.proposal;
  }
  const { kex, cipher, hmac, compress } = UPSTREAM_ALGORITHMS.default;
  const ours = [kex, theirs?.[1] ?? [], cipher, cipher, hmac, hmac, compress, compress];
  const lacking = theirs ? missing(ours, theirs) : [];
  if (lacking.length > 0) note(targetWords(lacking, true));
  return found;
}

type Shown = { readonly key: Buffer | null; readonly proposal: Proposal | null };

function hostKeyOf(address: string, port: number, algorithm: string, timeoutMs: number): Promise<Shown> {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    let proposal: Proposal | null = null;
    client.on('error', (error: Error & { level?: string; code?: string }) => {
      const ours = proposalOf(internalsOf(client)._protocol);
      client.destroy();
      const lacking = proposal ? missing(ours, proposal).filter(({ what }) => what !== 'host key type') : [];
      if (lacking.length > 0)
        reject(new Error(`${address}:${port} and the gateway have ${targetWords(lacking, false)}`));
      // No host key of this kind, or our refusal below: an answer. Anything else is a host that is not there.
      else if (error.level === 'handshake') resolve({ key: null, proposal });
      else
        reject(
          new Error(
            `${address}:${port} cannot be scanned: ${SOCKET_ERRORS[error.code ?? ''] ?? `it does not answer as an SSH server (${error.message})`}`,
          ),
        );
    });
    client.connect({
      host: address,
      port,
      username: 'daypass',
      readyTimeout: timeoutMs,
      algorithms: { ...UPSTREAM_ALGORITHMS.legacy, serverHostKey: [algorithm] as never },
      hostVerifier: (key: Buffer) => {
        resolve({ key, proposal });
        return false;
      },
    });
    tapMessages(internalsOf(client)._protocol, (payload) => {
      if (payload[0] === MESSAGE.KEXINIT) proposal = readProposal(payload);
      return false;
    });
  });
}
