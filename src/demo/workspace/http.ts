import type { IncomingMessage, ServerResponse } from 'node:http';
import { PersonaError } from './errors.ts';

/** The whole body; a longer one than `max` is refused. */
export async function readBody(request: IncomingMessage, max: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > max) throw new PersonaError(413, 'too_large', `A body can have at most ${max} bytes.`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

export function answerJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}

/**
 * Why a request is turned away before anything else is looked at. A page of another site can reach loopback by DNS rebinding (it then
 * sends its own name as Host) or by a cross-site POST (it then sends its own Origin).
 */
export function strangerSign(request: IncomingMessage, port: number): string | null {
  const own = [`127.0.0.1:${port}`, `localhost:${port}`];
  const { host, origin } = request.headers;
  if (host === undefined || !own.includes(host)) return `This server only answers as ${own.join(' or ')}.`;
  const fromHere = origin === undefined || own.some((name) => origin === `http://${name}`);
  if (request.method !== 'GET' && !fromHere) return 'Pages of other sites may not act here.';
  return null;
}
