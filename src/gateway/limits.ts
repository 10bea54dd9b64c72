/** Every bound of the gateway, in one place. */

export const UNAUTHENTICATED_MAX = 100;
export const UNAUTHENTICATED_PER_ADDRESS_MAX = 10;
/** From TCP accept. */
export const KEX_MS = 30_000;
export const LOGIN_MS = 120_000;
export const FAILED_SIGNATURES_MAX = 6;
export const UNSIGNED_OFFERS_MAX = 20;
export const CHANNELS_PER_CONNECTION_MAX = 10;
/** Channel opens over the life of one connection: each leaves a record. */
export const CHANNELS_PER_SESSION_MAX = 1_000;
export const ENVIRONMENT_MAX = 64;
export const PACKET_MIN = 256;
export const WINDOW_MAX = 0xffff_ffff;
/** Bytes that may wait for one peer's TCP before the other side is paused. */
export const SOCKET_HIGH_WATER = 4 * 1024 * 1024;
export const UPSTREAM_CONNECT_MS = 15_000;
export const AUTHORIZE_MS = 15_000;
export const AUTHORIZE_OUTSTANDING_MAX = 200;
export const HEARTBEAT_MS = 1_000;
export const SILENT_WORKER_MS = 5_000;
/** Without a word from control: no new sessions, then no live ones. */
export const LEASE_NEW_MS = 30_000;
export const LEASE_LIVE_MS = 120_000;
export const TERMINATE_CONFIRM_MS = 1_000;
export const REFUSALS_KEPT_MAX = 20;
export const SOCKETS_IN_FLIGHT_MAX = 1_000;
