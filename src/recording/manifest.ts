import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

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
  target: z.strictObject({ id: z.string(), address: z.string(), port: z.int() }),
  login: z.string(),
  via: z.enum(['direct', 'jump']),
  client: z.string(),
  /** RFC 4252 §7: what the contractor's key signed to open the connection, and the signature, base64. */
  opening: z.strictObject({ signed: z.string(), signature: z.string() }),
  start: z.iso.datetime(),
  end: z.iso.datetime().nullable(),
  ending: z.looseObject({ how: z.string() }).nullable(),
  refusals: z.array(z.string()),
  channels: z.array(
    z.strictObject({
      number: z.int(),
      kind: z.enum(['shell', 'exec', 'subsystem']),
      command: z.string().nullable(),
      pty: z.boolean(),
      cast: z.string().nullable(),
      content: z.enum(['full', 'partial', 'digest']),
      bytesFromClient: z.int(),
      bytesToClient: z.int(),
      stdoutSha256: z.string(),
      stderrSha256: z.string(),
      stdinSha256: z.string(),
      exit: z.looseObject({ kind: z.string() }).nullable(),
    }),
  ),
});
export type Manifest = z.infer<typeof Manifest>;

export const MANIFEST_FILE = 'manifest.json';

/** Replaces the manifest as a whole: a reader finds the old one or the new one, never half of one. */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const path = join(folder, MANIFEST_FILE);
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(manifest, null, 2)}\n`);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}

/** Marks what a worker left behind when it died: the casts are as long as they are. */
export async function markInterrupted(folder: string): Promise<void> {
  const manifest = Manifest.parse(JSON.parse(await readFile(join(folder, MANIFEST_FILE), 'utf8')));
  const end = new Date().toISOString();
  await writeManifest(folder, { ...manifest, state: 'interrupted', end, ending: { how: 'interrupted' } });
}
