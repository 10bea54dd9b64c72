import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';

/** Requests as Slack sends them to an app, or as somebody sends them who is not Slack. */

export type Headers = readonly (readonly [name: string, value: string])[];
export type Answer = { readonly status: number; readonly body: string };
export type Place = { readonly host: string; readonly port: number; readonly path: string };

export const FORM = 'application/x-www-form-urlencoded';
export const JSON_TYPE = 'application/json';
export const TIME = 'X-Slack-Request-Timestamp';
export const SIGNATURE = 'X-Slack-Signature';

export const secondsNow = (): number => Math.floor(Date.now() / 1_000);

export const signatureOf = (secret: string, time: string | number, body: string | Buffer): string =>
  `v0=${createHmac('sha256', secret).update(`v0:${time}:`).update(body).digest('hex')}`;

export const signed = (secret: string, body: string | Buffer, time: string | number = secondsNow()): Headers => [
  [TIME, String(time)],
  [SIGNATURE, signatureOf(secret, time, body)],
];

/** On a connection of its own; headers go out as they are given, twice where they are twice. */
export async function send(place: Place, type: string, headers: Headers, body: string | Buffer): Promise<Answer> {
  const { host, port, path } = place;
  const all: Headers = [['Content-Type', type], ['Content-Length', String(Buffer.byteLength(body))], ...headers];
  const sent = request({ host, port, path, method: 'POST', agent: false, headers: ['Host', host, ...all.flat()] });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return { status: response.statusCode ?? 0, body: Buffer.concat(parts).toString() };
}

/** Signed by Slack, now. */
export const sendSigned = (place: Place, secret: string, type: string, body: string | Buffer): Promise<Answer> =>
  send(place, type, signed(secret, body), body);

export const form = (fields: Record<string, string>): string => new URLSearchParams(fields).toString();
export const interaction = (payload: object): string => form({ payload: JSON.stringify(payload) });
/** Each is handled once: what is repeated is ignored. */
export const fresh = (): string => randomUUID();
