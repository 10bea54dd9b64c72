import { constants } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const Channel = z.object({
  number: z.int(),
  kind: z.enum(['shell', 'exec', 'subsystem', 'tunnel']),
  command: z.string().nullable(),
  pty: z.boolean(),
  /** File name of the cast; null where the channel carried files. */
  cast: z.string().nullable(),
  /** How much of the output the cast holds: all, the beginning, or only what the digests say. */
  content: z.enum(['full', 'partial', 'digest']),
  bytesFromClient: z.int(),
  bytesToClient: z.int(),
  /** Of what was delivered. */
  stdoutSha256: z.string(),
  stderrSha256: z.string(),
  stdinSha256: z.string(),
  exit: z.looseObject({ kind: z.string() }).nullable(),
});
export type ManifestChannel = z.infer<typeof Channel>;

/** manifest.json: what a session was, who opened it, and what is in its casts. */
export const Manifest = z.strictObject({
  format: z.literal('daypass-recording-1'),
  state: z.enum(['live', 'closed', 'interrupted']),
  session: z.string(),
  grant: z.string(),
  digest: z.string(),
  engagement: z.string(),
  person: z.string(),
  key: z.string(),
  target: z.strictObject({ id: z.string(), name: z.string(), address: z.string(), port: z.int() }),
  login: z.string(),
  via: z.enum(['direct', 'jump']),
  client: z.string(),
  /** RFC 4252 §7: what the contractor's key signed to open the connection, and the signature, base64. */
  opening: z.strictObject({ signed: z.string(), signature: z.string() }),
  start: z.iso.datetime(),
  end: z.iso.datetime().nullable(),
  ending: z.looseObject({ how: z.string() }).nullable(),
  refusals: z.array(z.string()),
  channels: z.array(Channel),
});
export type Manifest = z.infer<typeof Manifest>;

export const MANIFEST_FILE = 'manifest.json';
export const MANIFEST_BYTES_MAX = 16 * 1024 * 1024;

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;

/** Replaces the manifest as a whole: a reader finds the old one or the new one, never half of one. */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const path = join(folder, MANIFEST_FILE);
  const file = await open(`${path}.new`, NEW_FILE, 0o600);
  try {
    await file.writeFile(`${JSON.stringify(manifest, null, 2)}\n`);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}
