import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { CHAT, respond } from './chat.ts';
import { CONVERSATIONS, USERS } from './conversations.ts';
import type { Core } from './core.ts';
import { SlackError } from './errors.ts';
import { FILE_MAX, FILES, receiveUpload } from './files.ts';
import { answerJson, readBody } from './http.ts';
import { type Method, method, requireScope } from './method.ts';
import { VIEWS } from './views.ts';

const BODY_MAX = 1024 * 1024;
const RETRY_AFTER_SECONDS = 1;
const SLOW_MS = 2_500;
/** What a form puts around a file. */
const FORM_ROOM = 16 * 1024;

const connectionsOpen = method({
  token: 'app',
  need: null,
  args: z.object({}),
  run: (core) => {
    // As it calls the end of a connection for the same reason.
    if (core.manifest.requestUrls !== null) throw new SlackError('link_disabled');
    return { url: `${core.origin().replace(/^http/, 'ws')}${core.socket.newTicket()}` };
  },
});

const METHODS: ReadonlyMap<string, Method> = new Map(
  Object.entries({ ...CHAT, ...CONVERSATIONS, ...USERS, ...VIEWS, ...FILES, 'apps.connections.open': connectionsOpen }),
);

/** `POST /api/<method>`: one call of Slack's Web API, with the faults that were asked for. */
export async function serveApi(
  core: Core,
  name: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const args = argumentsOf(request.headers['content-type'] ?? '', await readBody(request, BODY_MAX));
  const fault = core.faults.take(['http_500', 'timeout', 'lost', 'slow', 'error', 'rate_limited'], name);
  if (fault?.kind === 'slow') await sleep(fault.ms ?? SLOW_MS);
  if (fault?.kind === 'error') {
    answerJson(response, 200, { ok: false, error: fault.error ?? 'internal_error' });
    return;
  }
  if (fault?.kind === 'http_500') {
    response.writeHead(500, { 'content-type': 'text/plain' }).end('Internal Server Error');
    return;
  }
  if (fault?.kind === 'rate_limited') {
    response.setHeader('retry-after', String(RETRY_AFTER_SECONDS));
    answerJson(response, 429, { ok: false, error: 'ratelimited' });
    return;
  }
  // Without an answer the connection stays open until the client gives up.
  if (fault?.kind === 'lost') return;
  const answer = call(core, name, bearer(request, args), args);
  if (fault?.kind !== 'timeout') answerJson(response, 200, answer);
}

function call(
  core: Core,
  name: string,
  token: string,
  args: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  try {
    const called = METHODS.get(name);
    if (!called) throw new SlackError('unknown_method', { req_method: name });
    checkToken(core, called, token);
    const { channel } = args;
    requireScope(core, called.need, typeof channel === 'string' ? core.state.channel(channel) : null);
    return { ok: true, ...called.run(core, args) };
  } catch (error) {
    if (error instanceof SlackError) return { ok: false, error: error.code, ...error.facts };
    throw error;
  }
}

function checkToken(core: Core, called: Method, token: string): void {
  if (token === '') throw new SlackError('not_authed');
  if (token === core.tokens[called.token]) return;
  const known = token === core.tokens.bot || token === core.tokens.app;
  throw new SlackError(known ? 'not_allowed_token_type' : 'invalid_auth');
}

function bearer(request: IncomingMessage, args: Readonly<Record<string, unknown>>): string {
  const header = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
  return header ?? (typeof args['token'] === 'string' ? args['token'] : '');
}

function argumentsOf(type: string, body: Buffer): Readonly<Record<string, unknown>> {
  if (body.length === 0) return {};
  if (type.startsWith('application/json')) {
    try {
      return z.record(z.string(), z.unknown()).parse(JSON.parse(body.toString('utf8')));
    } catch {
      return {};
    }
  }
  return Object.fromEntries(new URLSearchParams(body.toString('utf8')));
}

/** The URLs that Slack hands out beside its API: uploads and answers. */
export async function serveHandedOut(
  core: Core,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [, kind, id = ''] = /^\/(upload\/v1|response)\/([A-Za-z0-9]+)$/.exec(path) ?? [];
  try {
    if (kind === 'response') {
      const body: unknown = JSON.parse((await readBody(request, BODY_MAX)).toString('utf8'));
      respond(core, core.triggers.respond(id), body);
      response.writeHead(200, { 'content-type': 'text/plain' }).end('ok');
      return;
    }
    const type = request.headers['content-type'] ?? '';
    receiveUpload(core, id, await uploaded(type, await readBody(request, FILE_MAX + FORM_ROOM)));
    response.writeHead(200, { 'content-type': 'text/plain' }).end(`OK - ${id}`);
  } catch (error) {
    if (!(error instanceof SlackError || error instanceof SyntaxError)) throw error;
    const code = error instanceof SlackError ? error.code : 'invalid_payload';
    answerJson(response, /_url$/.test(code) ? 404 : 400, { ok: false, error: code });
  }
}

/** Slack takes a file as the whole body or as the one file of a form. */
async function uploaded(type: string, body: Buffer): Promise<Uint8Array> {
  if (!type.startsWith('multipart/form-data')) return body;
  const form = await new Response(body, { headers: { 'content-type': type } }).formData();
  const file = [...form.values()].find((value) => typeof value !== 'string');
  if (file === undefined) throw new SlackError('no_file_data');
  return new Uint8Array(await file.arrayBuffer());
}
