import { once } from 'node:events';
import { chmodSync, unlinkSync } from 'node:fs';
import {
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import { connect } from 'node:net';
import { z } from 'zod';
import type { OperatorAccount } from '../access/audit-event.ts';
import { Target } from '../access/target.ts';
import type { Log } from '../log.ts';
import { Asked, answerTo, type Call } from './calls.ts';
import { EngagementRow, EngagementShown } from './engagements.ts';
import { GrantRow } from './grants.ts';
import { KeyRow } from './keys.ts';
import { OffboardingRow, OffboardingShown } from './offboardings.ts';
import { Begun, Erased, Finding, Lifted, type Operator, type Operators, Reloaded } from './operator.ts';
import { outcome, outcomeOf } from './outcome.ts';
import { PersonRow, PersonShown } from './people.ts';
import { RequestRow, RequestShown } from './requests.ts';
import { SessionRow } from './sessions.ts';
import { requestWatch, serveWatch } from './watch-stream.ts';

/** The admin socket: one JSON request and one JSON answer per HTTP exchange, on a Unix socket of mode 0600. */

const BODY_MAX = 65_536;
const ANSWER_MAX = 64 * 1024 * 1024;
const ANSWER_MS = 60_000;

class AdminSocketError extends Error {
  readonly code = 'admin_socket';
}

export type AdminSocket = AsyncDisposable & {
  readonly path: string;
  /** Answers operators until what this returns is disposed of; before and after, they are told to try again. */
  serve(operators: Operators): AsyncDisposable;
};

/** Takes the data folder whose socket this is. Throws where another control has it. */
export async function claimAdminSocket(path: string, log: Log): Promise<AdminSocket> {
  if (await isServed(path)) {
    throw new AdminSocketError(`A Daypass control is already running and answers at ${path}. Stop it first.`);
  }
  removeStale(path);
  let served: Operators | null = null;
  const server = createServer((message, response) => {
    if (!served) return void refuse(response, 503, NOT_NOW);
    answer(served, message, response).then(
      (value) => {
        if (value !== STREAMED) response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
      },
      (error: unknown) => {
        log.warn({ err: error }, 'admin request failed');
        if (error instanceof z.ZodError) refuse(response, 400, 'this version does not know the request');
        else refuse(response, 500, wordFault(error));
      },
    );
  });
  await listen(server, path);
  return {
    path,
    serve(operators) {
      served = operators;
      return {
        async [Symbol.asyncDispose]() {
          served = null;
        },
      };
    },
    [Symbol.asyncDispose]: () => close(server),
  };
}

/** Takes the data folder, and answers operators at once. */
export async function serveAdminSocket(path: string, operators: Operators, log: Log): Promise<AdminSocket> {
  const socket = await claimAdminSocket(path, log);
  socket.serve(operators);
  return socket;
}

async function listen(server: Server, path: string): Promise<void> {
  const before = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(before);
  }
  await once(server, 'listening');
  chmodSync(path, 0o600);
}

const NOT_NOW = 'it is starting or stopping, so nothing was done. Try again in a moment.';

const refuse = (response: ServerResponse, status: number, error: string): void => {
  response.writeHead(status).end(JSON.stringify({ error }));
};

/** What the store threw: whether anything was done is what an operator has to know. */
const STORE_FAULTS: ReadonlyMap<unknown, string> = new Map([
  ['database_away', 'its database is unreachable, so nothing was done. Try again when it answers.'],
  ['timeout', 'its database took too long, so nothing was done. Try again.'],
  ['too_busy', 'it is too busy, so nothing was done. Try again in a moment.'],
  ['lease_lost', 'another control has taken over its database, so nothing was done.'],
  [
    'commit_unheard',
    'its database became unreachable halfway, so this may or may not have been done. Check when the database is back.',
  ],
]);

const wordFault = (error: unknown): string =>
  (error instanceof Error && 'code' in error && STORE_FAULTS.get(error.code)) || 'the request failed';

/** The answer went out by itself. */
const STREAMED = Symbol('streamed');

async function answer(operators: Operators, message: IncomingMessage, response: ServerResponse): Promise<unknown> {
  const { by, call } = Asked.parse(JSON.parse((await readBody(message, BODY_MAX)) || 'null'));
  const operator = operators({ account: by });
  if (call.verb !== 'watch') return answerTo(operator, call);
  await serveWatch(operator, call.id, response);
  return STREAMED;
}

async function readBody(message: IncomingMessage, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) throw new AdminSocketError(`an answer or request is larger than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function close(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
}

function removeStale(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

const Refusal = z.object({ error: z.string().max(500) });

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function received(outgoing: ClientRequest): Promise<{ status: number | undefined; text: string }> {
  try {
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    return { status: incoming.statusCode, text: await readBody(incoming, ANSWER_MAX) };
  } catch (cause) {
    if (cause instanceof AdminSocketError) throw cause;
    const why = cause instanceof Error && cause.name === 'AbortError' ? 'did not answer in time' : 'disconnected';
    throw new AdminSocketError(
      `The running control ${why}, so this may or may not have been done. Check whether it was.`,
      { cause },
    );
  }
}

/** Whether a control answers at `path`. */
export function isServed(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED' || error.code === 'ENOTSOCK') resolve(false);
      else reject(error);
    });
  });
}

/** An operator that speaks to the control that answers at `path`. */
export function remoteOperator(path: string, { account: by }: OperatorAccount): Operator {
  const asked = (call: Call): string => JSON.stringify({ by, call } satisfies z.input<typeof Asked>);
  const ask = async <Schema extends z.ZodType>(call: Call, schema: Schema): Promise<z.output<Schema>> => {
    const body = asked(call);
    const outgoing = request({ socketPath: path, method: 'POST', path: '/', signal: AbortSignal.timeout(ANSWER_MS) });
    outgoing.setHeader('content-length', Buffer.byteLength(body)).end(body);
    const { status, text } = await received(outgoing);
    if (status === 200) return schema.parse(JSON.parse(text));
    const why = Refusal.safeParse(parsed(text)).data?.error ?? text.slice(0, 500);
    throw new AdminSocketError(`The running control answered: ${why}`);
  };
  return {
    grants: (filter) => ask({ verb: 'grants', ...filter }, z.array(GrantRow)),
    revoke: async (id, comment) => outcome(await ask({ verb: 'revoke', id, comment }, z.unknown()), { id }),
    confirmGrants: () => ask({ verb: 'confirm_grants' }, Lifted),
    sessions: (filter) => ask({ verb: 'sessions', ...filter }, z.array(SessionRow)),
    endSession: async (id) => outcome(await ask({ verb: 'end_session', id }, z.unknown()), { id }),
    keys: (filter) => ask({ verb: 'keys', ...filter }, z.array(KeyRow)),
    retireKey: async (fingerprint) =>
      outcome(await ask({ verb: 'retire_key', fingerprint }, z.unknown()), { fingerprint }),
    people: (filter) => ask({ verb: 'people', ...filter }, z.array(PersonRow)),
    person: (id) => ask({ verb: 'person', id }, PersonShown.nullable()),
    offboard: async (person, engagement, reason) =>
      outcomeOf(await ask({ verb: 'offboard', person, engagement, reason }, z.unknown()), Begun),
    readmit: async (person, engagement) =>
      outcome(await ask({ verb: 'readmit', person, engagement }, z.unknown()), { id: person }),
    offboardings: (filter) => ask({ verb: 'offboardings', ...filter }, z.array(OffboardingRow)),
    offboarding: (id) => ask({ verb: 'offboarding', id }, OffboardingShown.nullable()),
    engagements: (filter) => ask({ verb: 'engagements', ...filter }, z.array(EngagementRow)),
    engagement: (id) => ask({ verb: 'engagement', id }, EngagementShown.nullable()),
    closeEngagement: async (id, reason) =>
      outcomeOf(await ask({ verb: 'close_engagement', id, reason }, z.unknown()), Begun),
    requests: (filter) => ask({ verb: 'requests', ...filter }, z.array(RequestRow)),
    request: (id) => ask({ verb: 'request', id }, RequestShown.nullable()),
    withdrawRequest: async (id) => outcome(await ask({ verb: 'withdraw_request', id }, z.unknown()), { id }),
    eraseRecording: (id, rule) => ask({ verb: 'erase_recording', id, rule }, Erased),
    noteExport: async (id, facts) => {
      await ask({ verb: 'recording_exported', id, ...facts }, z.object({ ok: z.literal(true) }));
    },
    watch: (id, watcher) => requestWatch(path, asked({ verb: 'watch', id }), watcher),
    reload: () => ask({ verb: 'reload' }, Reloaded),
    targets: () => ask({ verb: 'targets' }, z.array(Target).nullable()),
    check: (target) => ask({ verb: 'check', target }, z.array(Finding)),
  };
}
