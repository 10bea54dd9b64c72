import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serveApi, serveHandedOut } from './api.ts';
import type { Core, Organisation, Stage } from './core.ts';
import { PersonaError } from './errors.ts';
import { Faults } from './faults.ts';
import { answerJson, strangerSign } from './http.ts';
import { type Manifest, readManifest } from './manifest.ts';
import { servePage } from './page.ts';
import { servePeople } from './persona-api.ts';
import { SignedRequests } from './requests.ts';
import { seededState } from './seed.ts';
import { SocketMode } from './socket.ts';
import { Triggers } from './triggers.ts';

export type WorkspaceOptions = {
  /** 0 takes any free port. */
  readonly port: number;
  readonly manifest?: Manifest;
  readonly organisation?: Organisation;
  /** The page says that the product is being started, until `open` is called. */
  readonly starting?: boolean;
  /** Milliseconds since 1970; tests let time pass by it. */
  readonly now?: () => number;
};

export type Workspace = AsyncDisposable & {
  readonly url: string;
  readonly apiUrl: string;
  readonly botToken: string;
  readonly appToken: string;
  readonly signingSecret: string;
  /** What Slack does when the app's request URL is saved; throws where the app does not answer, or Socket Mode is on. */
  verifyRequestUrl(): Promise<void>;
  /** The product answers; recordings can be replayed where `replay` is given. */
  open(replay?: Stage['replay']): void;
};

const REQUEST_MS = 120_000;

/** Starts the workspace on loopback: Slack's API for the app, and the page and persona API for people. */
export async function startWorkspace(options: WorkspaceOptions): Promise<Workspace> {
  const now = options.now ?? Date.now;
  const state = seededState(now);
  const secret = randomBytes(12).toString('hex');
  const signingSecret = randomBytes(16).toString('hex');
  let port = 0;
  const manifest = options.manifest ?? readManifest();
  const socket = new SocketMode(state.appId);
  const requests = manifest.requestUrls && new SignedRequests(manifest.requestUrls, signingSecret, now);
  const core: Core = {
    state,
    socket,
    delivery: requests ?? socket,
    organisation: options.organisation ?? null,
    manifest,
    triggers: new Triggers(now),
    faults: new Faults(),
    stage: { starting: options.starting ?? false, replay: null },
    tokens: { bot: `xoxb-demo-${secret}`, app: `xapp-1-demo-${secret}` },
    origin: () => `http://127.0.0.1:${port}`,
  };
  const server = createServer({ requestTimeout: REQUEST_MS }, (request, response) => {
    serve(core, port, request, response).catch((error: unknown) => failed(response, error));
  });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    if (strangerSign(request, port) !== null) socket.destroy();
    else core.socket.upgrade(request, socket, head);
  });
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening').catch((error: unknown) => {
    core.socket.close();
    throw error;
  });
  ({ port } = server.address() as AddressInfo);
  return {
    url: `http://127.0.0.1:${port}/`,
    apiUrl: `http://127.0.0.1:${port}/api/`,
    botToken: core.tokens.bot,
    appToken: core.tokens.app,
    signingSecret,
    async verifyRequestUrl() {
      if (!requests) throw new Error('Socket Mode is on: there is no request URL');
      await requests.verify();
    },
    open(replay = null) {
      Object.assign(core.stage, { starting: false, replay });
      state.changed();
    },
    [Symbol.asyncDispose]: () => stop(core, server),
  };
}

async function serve(core: Core, port: number, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const stranger = strangerSign(request, port);
  if (stranger !== null) return answerJson(response, 403, { ok: false, error: 'forbidden', message: stranger });
  const url = new URL(request.url ?? '/', core.origin());
  const { pathname: path } = url;
  const api = /^\/api\/([A-Za-z.]{1,100})$/.exec(path)?.[1];
  if (request.method === 'POST' && api !== undefined) return serveApi(core, api, request, response);
  if (request.method === 'POST' && /^\/(?:upload|response)\//.test(path)) {
    return serveHandedOut(core, path, request, response);
  }
  if (await servePeople(core, url, request, response)) return;
  if (request.method === 'GET' && (await servePage(path, response))) return;
  answerJson(response, 404, { ok: false, error: 'not_found', message: 'There is nothing at this address.' });
}

function failed(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const known = error instanceof PersonaError;
  const message = error instanceof Error ? error.message : String(error);
  answerJson(response, known ? error.status : 500, {
    ok: false,
    error: known ? error.code : 'internal_error',
    message,
  });
}

async function stop(core: Core, server: Server): Promise<void> {
  core.socket.close();
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
