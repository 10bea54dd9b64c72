import { z } from 'zod';

/** RFC 4253 §7.2, in hex. */
export const SshSessionId = z.string().regex(/^[0-9a-f]{40,128}$/);

/** The login name of a jump's outer connection. */
export const JUMP_USER = 'daypass';
/** A login name that begins so registers a key; the code follows. */
export const REGISTER_PREFIX = 'register-';

/** How somebody comes to a target. */
export const Route = z.discriminatedUnion('kind', [
  /** `ssh <login>+<target>@gateway` or `ssh register-<code>@gateway`. */
  z.strictObject({ kind: z.literal('direct') }),
  /** The outer connection of a jump: login name `JUMP_USER`. */
  z.strictObject({ kind: z.literal('jump') }),
  /** The connection inside a jump: `targetName` is the host of its direct-tcpip. */
  z.strictObject({ kind: z.literal('inner'), targetName: z.string().max(255), outerSshSessionId: SshSessionId }),
]);
export type Route = Readonly<z.infer<typeof Route>>;
