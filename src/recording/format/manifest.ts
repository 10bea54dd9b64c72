import { z } from 'zod';
import { Digest } from '../../access/ids.ts';
import { ChannelKind, ChannelSummary, Coverage, FileCounts } from '../../access/session.ts';
import { FORMAT } from './format.ts';

/** What may be read without a key of a channel: no command, no path, no destination. */
const ChannelOutline = z.strictObject({
  number: z.int().nonnegative(),
  /** So many channels of one kind, added up; one where it is left out. */
  count: z.int().min(1).optional(),
  kind: ChannelKind,
  label: z.string(),
  coverage: Coverage,
  pty: z.boolean(),
  bytesFromClient: z.int().nonnegative(),
  bytesToClient: z.int().nonnegative(),
  stdoutSha256: Digest,
  stderrSha256: Digest,
  stdinSha256: Digest,
  files: FileCounts.nullable(),
  exit: ChannelSummary.unwrap().shape.exit,
  startedAt: z.int().nonnegative(),
  endedAt: z.int().nonnegative(),
});
export type ChannelOutline = z.infer<typeof ChannelOutline>;

const Opening = z.strictObject({
  session: z.string(),
  grant: z.string(),
  digest: z.string(),
  engagement: z.string(),
  person: z.string(),
  key: z.string(),
  target: z.strictObject({ id: z.string(), name: z.string(), address: z.string(), port: z.int() }),
  login: z.string(),
  via: z.enum(['direct', 'jump']),
  /** RFC 4252 §7: what the contractor's key signed to open the connection, and the signature, base64. */
  opening: z.strictObject({ signed: z.string(), signature: z.string() }),
  start: z.iso.datetime(),
});
export type ManifestOpening = z.infer<typeof Opening>;

/** manifest.json as a worker writes it: what a session was and who opened it, for those who hold no key. */
export const Manifest = z.object({
  format: z.literal(FORMAT),
  state: z.enum(['live', 'closed', 'interrupted']),
  ...Opening.shape,
  end: z.iso.datetime().nullable(),
  ending: z.looseObject({ how: z.string() }).nullable(),
  /** How many things were asked and refused; which, the journal says. */
  refusals: z.int().nonnegative(),
  channels: z.array(ChannelOutline),
  chain: z.strictObject({ head: Digest, chunks: z.int(), bytes: z.int() }).nullable(),
  keySha256: Digest,
});
export type Manifest = z.infer<typeof Manifest>;

export const manifestText = (manifest: Manifest): string => `${JSON.stringify(manifest, null, 2)}\n`;
