import { z } from 'zod';
import { ChannelKind, ChannelSummary } from './session.ts';

const Channel = z.int().nonnegative();
const OUTPUT_MAX = 262_144;

/** What one who looks on at a session is shown. */
export const Shown = z.discriminatedUnion('show', [
  z.strictObject({
    show: z.literal('channel'),
    channel: Channel,
    kind: ChannelKind,
    command: ChannelSummary.unwrap().shape.command,
    size: z.strictObject({ columns: z.int().nonnegative(), rows: z.int().nonnegative() }).nullable(),
  }),
  z.strictObject({
    show: z.literal('output'),
    channel: Channel,
    stream: z.enum(['stdout', 'stderr']),
    bytes: z.base64().max(OUTPUT_MAX),
  }),
  /** More passed than could be shown. */
  z.strictObject({ show: z.literal('lost'), bytes: z.int().positive() }),
]);
export type Shown = Readonly<z.infer<typeof Shown>>;
