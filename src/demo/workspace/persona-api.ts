import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { changeChannel, changeGroup, changePerson } from './administration.ts';
import { ClickInput, click } from './click.ts';
import type { Core } from './core.ts';
import { PersonaError } from './errors.ts';
import { Fault } from './faults.ts';
import { SubmissionInput, submit, suggest } from './form.ts';
import { answerJson, readBody } from './http.ts';
import { changeStrangers, moveChannel } from './outside.ts';
import { fileFor, personaList, personaState } from './persona-state.ts';
import { markRead, PERSONAS } from './seed.ts';
import { CommandInput, MessageInput, placeOf, runCommand, sayMessage } from './speak.ts';
import type { User } from './state.ts';

const BODY_MAX = 256 * 1024;
const WAIT_MAX_MS = 20_000;
const STREAMS_MAX = 50;

type Handler = (core: Core, user: User, body: unknown) => Promise<unknown> | unknown;

const VERBS: Readonly<Record<string, Handler>> = {
  commands: async (core, user, body) => {
    await runCommand(core, user, CommandInput.parse(body));
    return {};
  },
  messages: (core, user, body) => {
    const { channel, ts } = sayMessage(core, user, MessageInput.parse(body));
    return { channel, ts };
  },
  clicks: async (core, user, body) => {
    await click(core, user, ClickInput.parse(body));
    return {};
  },
  submissions: (core, user, body) => submit(core, user, SubmissionInput.parse(body)),
  /** Marks a conversation as read, or takes an ephemeral message away. */
  marks: (core, user, body) => {
    const { channel, dismiss } = z.strictObject({ channel: z.string(), dismiss: z.string().optional() }).parse(body);
    const place = placeOf(core, user, channel);
    const { ephemerals } = core.state;
    const index = ephemerals.findIndex((each) => each.ts === dismiss && each.onlyFor === user.id);
    if (index >= 0) ephemerals.splice(index, 1);
    markRead(core.state, user.id, place.id);
    core.state.changed();
    return {};
  },
};

/** `/personas…`, `/people/<name>`, `/channels/<id>`, `/groups/<id>`, `/faults`: what the page and the tests use. False where the path is none of these. */
export async function servePeople(
  core: Core,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const [, root, name, verb, id] = url.pathname.split('/');
  if (!['personas', 'people', 'channels', 'groups', 'faults', 'moves', 'strangers'].includes(root ?? '')) return false;
  try {
    if (root === 'faults') await serveFaults(core, request, response);
    else if (root === 'people' || root === 'channels' || root === 'groups') {
      if (request.method !== 'POST') throw new PersonaError(405, 'post_only', 'Use POST to change something.');
      const change = await readJson(request);
      if (root === 'people')
        answerJson(response, 200, await changePerson(core, personaNamed(core, name ?? ''), change));
      else answerJson(response, 200, await (root === 'groups' ? changeGroup : changeChannel)(core, name ?? '', change));
    } else if (root === 'moves')
      answerJson(response, 200, await moveChannel(core, name ?? '', await readJson(request)));
    else if (root === 'strangers') answerJson(response, 200, changeStrangers(core, await readJson(request)));
    else if (name === undefined) answerJson(response, 200, { personas: personaList(core) });
    else await servePersona(core, personaNamed(core, name), { verb: verb ?? '', id: id ?? '', url }, request, response);
  } catch (error) {
    answerProblem(response, error);
  }
  return true;
}

function personaNamed(core: Core, name: string): User {
  const user = PERSONAS.some((each) => each === name) ? core.state.byName(name) : null;
  if (user) return user;
  throw new PersonaError(
    404,
    'no_such_persona',
    `There is no persona ${name.slice(0, 40)}. The personas are: ${PERSONAS.join(', ')}.`,
  );
}

type Route = { readonly verb: string; readonly id: string; readonly url: URL };

async function servePersona(
  core: Core,
  user: User,
  route: Route,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { verb, id, url } = route;
  if (request.method === 'GET') {
    if (verb === 'state') return answerState(core, user, url, response);
    if (verb === 'events') return streamChanges(core, request, response);
    if (verb === 'files') return sendFile(core, user, id, response);
    if (verb === 'recordings') return sendRecording(core, user, id, response);
    if (verb === 'options') {
      const { searchParams: query } = url;
      const [block, action, q] = ['block_id', 'action_id', 'q'].map((key) => query.get(key) ?? '');
      return answerJson(response, 200, {
        ok: true,
        options: await suggest(core, user, block ?? '', action ?? '', q ?? ''),
      });
    }
  }
  const handler = request.method === 'POST' && Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined;
  if (!handler)
    throw new PersonaError(404, 'no_such_thing', `A persona has no “${verb.slice(0, 40)}”. See docs/demo.md.`);
  const body = await readJson(request);
  answerJson(response, 200, { ok: true, ...Object(await handler(core, user, body)) });
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  // A form of another site cannot send this type without asking first.
  if (!(request.headers['content-type'] ?? '').startsWith('application/json')) {
    throw new PersonaError(415, 'not_json', 'Send JSON: content-type: application/json.');
  }
  return JSON.parse((await readBody(request, BODY_MAX)).toString('utf8')) as unknown;
}

/** With `?after=<version>` the answer waits for a later version, at most 20 s. */
async function answerState(core: Core, user: User, url: URL, response: ServerResponse): Promise<void> {
  const after = Number(url.searchParams.get('after') ?? -1);
  if (core.state.version <= after) await nextChange(core, response);
  if (!response.destroyed) answerJson(response, 200, personaState(core, user));
}

function nextChange(core: Core, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      stop();
      resolve();
    };
    const timer = setTimeout(done, WAIT_MAX_MS);
    const stop = core.state.onChange(done);
    response.once('close', done);
  });
}

let streams = 0;

/** Server-sent events: the version after each change. */
function streamChanges(core: Core, request: IncomingMessage, response: ServerResponse): void {
  if (streams >= STREAMS_MAX) throw new PersonaError(503, 'too_many', 'Too many pages are open. Close some.');
  streams += 1;
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  const send = (): void => {
    response.write(`data: ${core.state.version}\n\n`);
  };
  send();
  const stop = core.state.onChange(send);
  request.once('close', () => {
    streams -= 1;
    stop();
  });
}

function sendFile(core: Core, user: User, id: string, response: ServerResponse): void {
  const file = fileFor(core, user, id);
  if (!file) throw new PersonaError(404, 'no_such_file', `${user.realName} cannot see such a file.`);
  const name = file.name.replace(/[^A-Za-z0-9._-]/g, '_');
  response.writeHead(200, {
    'content-type': 'application/octet-stream',
    'content-disposition': `attachment; filename="${name}"`,
  });
  response.end(file.content);
}

/** The casts of a recording, decrypted with the demo's identity: only security holds such a key. */
async function sendRecording(core: Core, user: User, id: string, response: ServerResponse): Promise<void> {
  const { replay } = core.stage;
  if (!replay || user.name !== 'security') {
    throw new PersonaError(404, 'no_recordings', `${user.realName} has no key for recordings.`);
  }
  if (!/^[0-9a-f]{8}(?:-[0-9a-f-]{1,27})?$/.test(id)) {
    throw new PersonaError(400, 'no_id', 'Name a recording by its id or the id’s first 8 characters.');
  }
  const casts = await replay(id);
  if (!casts) throw new PersonaError(404, 'no_such_recording', `There is no recording ${id} yet.`);
  answerJson(response, 200, { ok: true, casts });
}

async function serveFaults(core: Core, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'DELETE') core.faults.clear();
  if (request.method === 'POST') {
    const fault = Fault.parse(await readJson(request));
    if (fault.kind === 'disconnect') core.socket.refresh();
    else core.faults.add(fault);
  }
  answerJson(response, 200, { ok: true, faults: core.faults.list() });
}

function answerProblem(response: ServerResponse, error: unknown): void {
  if (error instanceof PersonaError) {
    const { status, code, message, errors } = error;
    answerJson(response, status, { ok: false, error: code, message, ...(errors ? { errors } : {}) });
    return;
  }
  if (error instanceof z.ZodError || error instanceof SyntaxError) {
    const message = error instanceof z.ZodError ? z.prettifyError(error) : 'The body is not JSON.';
    answerJson(response, 400, { ok: false, error: 'invalid_input', message });
    return;
  }
  throw error;
}
