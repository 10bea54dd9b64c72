import { z } from 'zod';
import { SessionId } from '../../access/ids.ts';
import { LAUNCHER_MESSAGE_MAX, LEFT_RECORDINGS_MAX, MESSAGE_MAX } from '../limits.ts';
import { RemoteAddress } from '../pipe/worker-messages.ts';

/** What control and its launcher say to each other. The messages of workers stay what they are, as text. */

const Worker = z.int().nonnegative();
const Call = z.int().nonnegative();
const Text = z.string().max(LAUNCHER_MESSAGE_MAX);

export const ToLauncher = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('left'), call: Call }),
  z.strictObject({ do: z.literal('collect'), call: Call, session: SessionId }),
  z.strictObject({ do: z.literal('listen'), call: Call }),
  z.strictObject({ do: z.literal('close') }),
  z.strictObject({ do: z.literal('favour'), remoteAddress: RemoteAddress }),
  z.strictObject({ do: z.literal('spawn'), worker: Worker }),
  z.strictObject({ do: z.literal('open'), worker: Worker }),
  z.strictObject({ do: z.literal('kill'), worker: Worker }),
  z.strictObject({ do: z.literal('send'), worker: Worker, text: z.string().max(MESSAGE_MAX) }),
]);
export type ToLauncher = z.infer<typeof ToLauncher>;

const Answer = z.discriminatedUnion('to', [
  z.strictObject({ to: z.literal('left'), left: z.array(SessionId).max(LEFT_RECORDINGS_MAX) }),
  z.strictObject({ to: z.literal('collect'), found: z.boolean() }),
  z.strictObject({ to: z.literal('listen'), address: z.string(), port: z.int() }),
  z.strictObject({ to: z.literal('failed'), why: z.string().max(1_000) }),
]);
export type Answer = z.infer<typeof Answer>;

export const FromLauncher = z.discriminatedUnion('tell', [
  z.strictObject({ tell: z.literal('answer'), call: Call, answer: Answer }),
  z.strictObject({ tell: z.literal('started'), worker: Worker, pid: z.int() }),
  z.strictObject({ tell: z.literal('message'), worker: Worker, text: Text }),
  z.strictObject({ tell: z.literal('connection'), worker: Worker, remoteAddress: RemoteAddress }),
  z.strictObject({ tell: z.literal('broken'), worker: Worker, why: z.string().max(1_000) }),
  z.strictObject({ tell: z.literal('exit'), worker: Worker, code: z.int().nullable(), signal: z.string().nullable() }),
]);
export type FromLauncher = z.infer<typeof FromLauncher>;
