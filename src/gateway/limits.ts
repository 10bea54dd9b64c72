/** Every bound of the gateway, in one place. */

/** Those that an operator may set, and that tests shorten; the supervisor gives each worker its share. */
export type Limits = {
  readonly unauthenticated: number;
  readonly unauthenticatedPerAddress: number;
  /** From TCP accept. */
  readonly kexMs: number;
  readonly loginMs: number;
  /** Without a word from control: no new sessions, then no live ones. */
  readonly leaseNewMs: number;
  readonly leaseLiveMs: number;
};

export const DEFAULT_LIMITS: Limits = {
  unauthenticated: 100,
  unauthenticatedPerAddress: 10,
  kexMs: 30_000,
  loginMs: 120_000,
  leaseNewMs: 30_000,
  leaseLiveMs: 120_000,
};

export const FAILED_SIGNATURES_MAX = 6;
/** Agents hold many keys. */
export const UNSIGNED_OFFERS_MAX = 20;
/** A refused client that does not leave by itself is cut off. */
export const REFUSED_LINGER_MS = 2_000;

export const CHANNELS_PER_CONNECTION_MAX = 10;
/** Channel opens over the life of one connection: each leaves a record. */
export const CHANNELS_PER_SESSION_MAX = 1_000;
export const ENVIRONMENT_MAX = 64;
export const COMMAND_MAX = 32_768;
/** Channel windows that we grant: what may wait per channel and direction. */
export const WINDOW = 2 * 1024 * 1024;
export const PACKET_MIN = 256;
export const PACKET_MAX = 32_768;
export const WINDOW_MAX = 0xffff_ffff;
/** Bytes that may wait for one peer's TCP before nothing more is written to it. */
export const SOCKET_HIGH_WATER = 1024 * 1024;
/** Beyond this a peer makes us answer and does not read: it is not read from until it does. */
export const SOCKET_MAX = 4 * 1024 * 1024;
export const KEEPALIVE_MS = 30_000;
export const KEEPALIVE_MISSED_MAX = 3;

export const UPSTREAM_CONNECT_MS = 15_000;
/** How long a session whose target failed waits for the client to read why. */
export const FAILURE_LINGER_MS = 5_000;
/** The same where the recording has failed, which has to end the session within a second. */
export const FAREWELL_MS = 600;
/** How long a client whose access ended may take to read why and leave. */
export const TERMINATED_LINGER_MS = 150;
/** How long a line of ours waits for a program to be between two sequences, and stands over a full screen. */
export const NOTICE_WAIT_MS = 1_000;
export const NOTICE_SHOWN_MS = 8_000;
export const NOTICES_WAITING_MAX = 10;
/** How long before the end of access people are told, in minutes. */
export const WARN_MINUTES = [5, 1] as const;
export const REGISTERED_LINGER_MS = 3_000;
export const REFUSALS_KEPT_MAX = 20;
export const REFUSAL_LENGTH_MAX = 300;

export const AUTHORIZE_MS = 15_000;
export const AUTHORIZE_OUTSTANDING_MAX = 200;
export const HEARTBEAT_MS = 1_000;
export const DEADLINE_CHECK_MS = 250;
export const SILENT_WORKER_MS = 5_000;
export const WORKER_START_MS = 20_000;
/** How soon after a death the next worker starts, so that one that cannot start does not spin. */
export const WORKER_RESTART_MS = 200;
export const TERMINATE_CONFIRM_MS = 1_000;
export const DRAIN_MS = 3_000;
export const SOCKETS_IN_FLIGHT_MAX = 500;
/** Sessions that control ended before their worker had heard of them. */
export const EARLY_TERMINATIONS_MAX = 10_000;
export const REPORT_TRIES_MAX = 10;
export const REPORT_RETRY_MS = 1_000;
