import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { SessionId } from '../access/ids.ts';
import { ok, type Result } from '../access/result.ts';
import { Shown } from '../access/shown.ts';
import type { Watcher } from '../use-cases/ports/gateways.ts';
import type { Watch } from '../use-cases/sessions/watch-session.ts';
import type { Operator } from './operator.ts';
import { outcome } from './outcome.ts';

/** A watched session over the admin socket: one JSON line with the outcome, then one for each thing shown, until it is over. */

const BACKLOG_MAX = 8 * 1024 * 1024;

const Begun = z.strictObject({ ok: z.literal(true), isTold: z.boolean() });

/** Shows until the session is over or the one who asked has gone. */
export async function serveWatch(operator: Operator, id: SessionId, response: ServerResponse): Promise<void> {
  const line = (value: object): void => {
    response.write(`${JSON.stringify(value)}\n`);
  };
  const early: Shown[] = [];
  let see = (shown: Shown): void => {
    early.push(shown);
  };
  const watched = await operator.watch(id, { see: (shown) => see(shown), over: () => response.end() });
  response.setHeader('content-type', 'application/x-ndjson');
  if (!watched.ok) return void response.end(`${JSON.stringify(watched)}\n`);
  response.once('close', () => watched.value.stop());
  line({ ok: true, isTold: watched.value.isTold });
  let lost = 0;
  see = (shown) => {
    // Who looks on and does not read is not waited for.
    if (response.writableLength > BACKLOG_MAX) {
      lost += shown.show === 'output' ? shown.bytes.length : 0;
      return;
    }
    if (lost > 0) line({ show: 'lost', bytes: lost });
    lost = 0;
    line(shown);
  };
  for (const shown of early.splice(0)) see(shown);
}

export async function requestWatch(
  path: string,
  body: string,
  watcher: Omit<Watcher, 'isTold'>,
): Promise<Result<Watch>> {
  const outgoing: ClientRequest = request({ socketPath: path, method: 'POST', path: '/' });
  outgoing.setHeader('content-length', Buffer.byteLength(body)).end(body);
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const lines = createInterface({ input: incoming });
  // A control that stops, or a watch that is stopped, ends the lines; there is nothing else to tell.
  for (const part of [outgoing, incoming, lines]) part.on('error', () => {});
  const first = await new Promise<string>((resolve) => {
    lines.once('line', resolve);
    lines.once('close', () => resolve('{}'));
  });
  const begun = Begun.safeParse(JSON.parse(first));
  if (!begun.success) return outcome<Watch>(JSON.parse(first), { isTold: true, stop: () => {} });
  lines.on('line', (text) => watcher.see(Shown.parse(JSON.parse(text))));
  lines.once('close', () => watcher.over());
  return ok({ isTold: begun.data.isTold, stop: () => outgoing.destroy() });
}
