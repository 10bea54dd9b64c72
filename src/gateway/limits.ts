/** Every bound of the gateway, in one place. */

/** Those that an operator may set, and that tests shorten. */
export type Limits = {
  /** From TCP accept, or from the channel that a jump opened. */
  readonly kexMs: number;
  readonly loginMs: number;
  /** Without word from a control that knows what was revoked: no new sessions, then no live ones. */
  readonly leaseNewMs: number;
  readonly leaseLiveMs: number;
  /** At a time: what is started in a session, and what is tunnelled. */
  readonly channelsPerConnection: number;
  readonly tunnelsPerConnection: number;
  /** After so long without a word a client is asked for one, and after so long it is gone: a laptop that sleeps says nothing. */
  readonly keepaliveMs: number;
  readonly unansweredMs: number;
  /** New keys are asked for after so much (RFC 4253 §9), or so long. */
  readonly rekeyBytes: number;
  readonly rekeyMs: number;
  /** How long a peer may take to exchange keys again, whoever began it; a client no less than it may be silent. */
  readonly rekeyAnswerMs: number;
  /** How long a target may take to log the gateway in: reverse DNS, PAM. */
  readonly targetLoginMs: number;
};

export const DEFAULT_LIMITS: Limits = {
  kexMs: 30_000,
  loginMs: 120_000,
  leaseNewMs: 30_000,
  leaseLiveMs: 120_000,
  channelsPerConnection: 10,
  tunnelsPerConnection: 200,
  keepaliveMs: 30_000,
  unansweredMs: 15 * 60_000,
  rekeyBytes: 1024 ** 3,
  rekeyMs: 3_600_000,
  rekeyAnswerMs: 30_000,
  targetLoginMs: 60_000,
};

/** How far a connection has come; a later one never goes back. */
export const STEPS = ['silent', 'spoke', 'kex', 'offer'] as const;
export type Step = (typeof STEPS)[number];

/** As sshd's MaxStartups: nobody goes up to `start`, `rate` per cent of newcomers cost somebody the place above it, all at `full`. */
export type Startups = { readonly start: number; readonly rate: number; readonly full: number };

export type DoorLimits = {
  readonly beforeKex: Startups;
  readonly afterKex: Startups;
  readonly afterOffer: number;
  /** Of one address, in each pool. */
  readonly perAddress: number;
  /** From TCP accept, to the end of the key exchange, to an offer that could succeed, and to the login. */
  readonly kexMs: number;
  readonly offerMs: number;
  readonly loginMs: number;
  /** IPv6 addresses count as one that share so many bits. */
  readonly ipv6Prefix: number;
  /** How long after a login an address is favoured. */
  readonly favouredMs: number;
};

/** Who may wait before anybody is known, over all workers. */
export const DEFAULT_DOOR: DoorLimits = {
  beforeKex: { start: 300, rate: 30, full: 1_000 },
  afterKex: { start: 100, rate: 30, full: 300 },
  afterOffer: 300,
  perAddress: 200,
  kexMs: DEFAULT_LIMITS.kexMs,
  offerMs: 60_000,
  loginMs: DEFAULT_LIMITS.loginMs,
  ipv6Prefix: 64,
  favouredMs: 7 * 86_400_000,
};
/** What one key or certificate may have waiting for its signature. */
export const WAITING_OF_KEY_MAX = 150;
/** After so long without a step further one goes before the others of its step. A client speaks at once; a person may read a host key. */
export const IDLE_MS: Readonly<Record<Step, number>> = { silent: 1_000, spoke: 3_000, kex: 5_000, offer: 30_000 };
/** How many are drawn by lot, of whom one goes. */
export const DRAWS = 12;
export const FAVOURED_MAX = 10_000;
/** How often those whose time is over are looked for. */
export const LATE_CHECK_MS = 250;
/** Who is turned away may read why for so long, so many at a time. */
export const TURNED_AWAY_LINGER_MS = 500;
export const TURNED_AWAY_LINGERING_MAX = 200;
/** How often the log says who was turned away, in lines of one address and reason each, and how many are counted apart. */
export const TURNED_AWAY_LOG_MS = 10_000;
export const TURNED_AWAY_LINES_MAX = 100;
export const TURNED_AWAY_COUNTED_MAX = 10_000;
/** Of one worker: orders to turn away whom it does not have yet, or no more. */
export const NOT_TO_COME_MAX = 1_000;
/** What a client may have said when its connection is handed to a worker. Before our KEXINIT none has more to say than its own. */
export const FIRST_WORDS_MAX = 16 * 1024;
/** The header of a balancer: its extensions among others, its time, and how many may be on their way. */
export const PROXY_V2_MAX = 2_048;
export const PROXY_HEADER_MS = 5_000;
export const PROXY_HEADERS_MAX = 1_000;

/** What workers know of the registry, the newest of each; how much of it they are told in one message, and how often it is read again. */
export const REGISTRY_MAX = { keys: 100_000, codes: 10_000 } as const;
export const REGISTRY_PIECE_MAX = 1_000;
export const REGISTRY_LOOK_MS = 60_000;
/** What one login to the gateway itself may ask, how long, and what a worker may ask in a second for one person and for all. */
export const ASKS_PER_JUMP = 20;
export const ASK_MS = 10 * 60_000;
export const ASKS_PER_PERSON_SECOND = 30;
export const ASKS_PER_SECOND = 100;
export const ASKS_OUTSTANDING_MAX = 50;
export const JUMPS_MAX = 10_000;
export const FAILED_SIGNATURES_MAX = 6;
/** Agents hold many keys. */
export const UNSIGNED_OFFERS_MAX = 20;
/** A refused client that does not leave by itself is cut off. */
export const REFUSED_LINGER_MS = 2_000;

/** Channels of one session that its report tells one by one, and groups of earlier ones: by destination, and then without one. */
export const RECORDS_MAX = 850;
export const RECORDS_GROUPS_MAX = 50;
/** All of them; what passes is of few kinds, so that groups without a destination are few. */
export const REPORT_CHANNELS_MAX = 1_000;
export const ENVIRONMENT_MAX = 64;
/** Of their names and values, as they are sent: the recording has them in one line. */
export const ENVIRONMENT_BYTES_MAX = 32_768;
/** Answers to SFTP requests that a client may leave unread before no more of its requests are looked at: the file log keeps these. */
export const GUARD_UNREAD_MAX = 64 * 1024;
export const COMMAND_MAX = 32_768;
/** Channel windows that we grant: what may wait per channel and direction. */
export const WINDOW = 2 * 1024 * 1024;
/**
 * Where the windows of others begin, and what they fall back to where what comes has to wait: of terminals, whose output a person
 * waits for and interrupts, and of tunnels, of which there may be hundreds; and what the tunnels of a connection may have beyond that.
 */
export const TERMINAL_WINDOW = 64 * 1024;
export const TUNNEL_WINDOW = 32 * 1024;
export const TUNNELS_SPARE = 6 * 1024 * 1024;
/**
 * How long something may wait before that counts, how soon after that a window grows again, and how often: a client that gives room
 * in large pieces lets some go on at once each time, however slowly it reads.
 */
export const WINDOW_PATIENCE_MS = 20;
export const WINDOW_STEADY_MS = 1_000;
export const WINDOW_GROWTH_MS = 50;
export const PACKET_MIN = 256;
export const PACKET_MAX = 32_768;
export const WINDOW_MAX = 0xffff_ffff;
/** Bytes that may wait for one peer's TCP before nothing more is written to it. */
export const SOCKET_HIGH_WATER = 1024 * 1024;
/** Beyond this a peer makes us answer and does not read: it is not read from until it does. */
export const SOCKET_MAX = 4 * 1024 * 1024;
/** What may wait for a peer that exchanges keys again. */
export const REKEY_BACKLOG_MAX = 1024 * 1024;
/** Of targets. */
export const KEEPALIVE_MS = 30_000;
export const KEEPALIVE_MISSED_MAX = 3;

/** For TCP, and again until keys are exchanged. */
export const UPSTREAM_CONNECT_MS = 15_000;
/** How long a session whose target failed waits for the client to read why. */
export const FAILURE_LINGER_MS = 5_000;
/** The same where the recording has failed, which has to end the session within a second. */
export const FAREWELL_MS = 600;
/** How often live sessions are held to what they leave of the disk. */
export const RESERVE_CHECK_MS = 50;
/** How long a client whose access ended may take to read why and leave. */
export const TERMINATED_LINGER_MS = 100;
/** How long one that was asked to go may take to hear of it, before its connection is reset. */
export const PARTING_MS = 100;
/** How long a line of ours waits for a program to be between two sequences, and stands over a full screen. */
export const NOTICE_WAIT_MS = 1_000;
export const NOTICE_SHOWN_MS = 8_000;
/** The same where a program on the person's side reads what is printed, and a line out of place would end it. */
export const NOTICE_PROTOCOL_WAIT_MS = 30_000;
export const NOTICES_WAITING_MAX = 10;
/** What one who looks on is shown in one go: output, commands, all of it as JSON; and how often. */
export const WATCH_BYTES_MAX = 128 * 1024;
export const WATCH_COMMAND_MAX = 1_024;
export const WATCH_MESSAGE_MAX = 512 * 1024;
export const WATCH_FLUSH_MS = 100;
/** How long before the end of access people are told, in minutes. */
export const WARN_MINUTES = [5, 1] as const;
export const REGISTERED_LINGER_MS = 3_000;
/** How long somebody may read what their signature approves before they say yes. */
export const CONFIRM_MS = 5 * 60_000;
export const REFUSALS_KEPT_MAX = 20;
export const REFUSAL_LENGTH_MAX = 300;

export const AUTHORIZE_MS = 15_000;
export const AUTHORIZE_OUTSTANDING_MAX = 200;
/**
 * A worker that hangs is replaced within five seconds: it is killed when it has been silent for three and a half, and its successor,
 * which needs a second or so to start, has been starting since two. One that was only held up for less than `SILENT_WORKER_MS` -
 * 2 × `HEARTBEAT_MS`, two and a half seconds, always lives: its last word may be one beat old when that begins, and silence is
 * counted in whole beats.
 */
export const HEARTBEAT_MS = 500;
export const SUSPECT_WORKER_MS = 2_000;
export const SILENT_WORKER_MS = 3_500;
export const DEADLINE_CHECK_MS = 250;
export const WORKER_START_MS = 20_000;
/** How soon after one that could not start the next worker starts, so that they do not spin. */
export const WORKER_RESTART_MS = 200;
export const TERMINATE_CONFIRM_MS = 1_000;
/** A worker that said that a session's connections are dead, before it was told to end it, has so long to have done with it. */
export const CUT_CONFIRM_MS = 10_000;
/** How long a worker may take to say what it carries, and how much of that it says. */
export const CARRIED_ANSWER_MS = 2_000;
export const CARRIED_TOLD_MAX = 10_000;
export const ASKED_ENGAGEMENTS_MAX = 10_000;
export const DRAIN_MS = 3_000;
/** Sessions that control ended before their worker had heard of them. */
export const EARLY_TERMINATIONS_MAX = 10_000;
/** Until a report is taken: its session counts as live, and its thread is not told, while it is not. Twice as long each time. */
export const REPORT_RETRY_MS = 1_000;
export const REPORT_RETRY_MAX_MS = 5_000;

/** Between the processes: one message, what a second may bring from one of them, and what may wait for one that does not read. */
export const MESSAGE_MAX = 1024 * 1024;
export const PIPE_MESSAGES_PER_SECOND = 4_000;
export const PIPE_BYTES_PER_SECOND = 32 * 1024 * 1024;
export const PIPE_BACKLOG_MAX = 16 * 1024 * 1024;
/** Commands in the report of one session, as JSON: with a thousand channels of the longest it fits into one message. */
export const REPORT_COMMANDS_MAX = 128 * 1024;
/** What a worker prints: one line of it in the log, how many a second, and how much of it is read in a second. */
export const WORDS_LINE_MAX = 8 * 1024;
export const WORDS_LINES_PER_SECOND = 200;
export const WORDS_BYTES_PER_SECOND = 1024 * 1024;
/** How long after its end a worker's last words are waited for. */
export const LAST_WORDS_MS = 2_000;
/** Addresses that a worker may speak of: the last that it was handed connections from. */
export const WORKER_ADDRESSES_MAX = 100_000;
/** More than a session of a thousand channels leaves. */
export const RECORDING_FILES_MAX = 4_096;
/** Recordings of an earlier run that are filed at one start. */
export const LEFT_RECORDINGS_MAX = 10_000;
/** The launcher wraps messages of workers for control. */
export const LAUNCHER_MESSAGE_MAX = 4 * MESSAGE_MAX;
/** Beside a spare one. */
export const WORKERS_MAX = 64;
/** Between the ends of a control that keeps ending; twice as long each time. */
export const CONTROL_RESTART_MS = 1_000;
export const CONTROL_RESTART_MAX_MS = 30_000;
/** A control that has run so long did not fail at its start. */
export const CONTROL_STEADY_MS = 60_000;
/** Beyond the time that live sessions are given, until a control that was told to stop is killed. */
export const CONTROL_STOP_MS = 15_000;
/** What a worker may report of connections that it turned away by itself; more is not told. */
export const REFUSALS_PER_SECOND = 50;
