import { type Headers, SIGNATURE, secondsNow, signatureOf, signed, TIME } from './slack-requests.ts';

/** What Slack could send. */
type Genuine = () => { readonly type: string; readonly body: string };

export type Forgery = {
  readonly kind: string;
  readonly type: string;
  readonly headers: Headers;
  readonly body: string | Buffer;
};

/** Numbers from 0 to 1 that are the same for a seed (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Draw = {
  readonly secret: string;
  readonly body: string;
  readonly time: number;
  /** Slack's own headers for this body. */
  readonly good: string;
  readonly below: (end: number) => number;
  readonly pick: <T>(list: readonly T[]) => T;
  readonly hex: (length: number) => string;
};
type Made = { readonly headers: Headers; readonly body?: string | Buffer };

const headersOf = (time: string | number, signature: string): Headers => [
  [TIME, String(time)],
  [SIGNATURE, signature],
];

/** Ways to be taken for Slack without its secret, and with it at another time. */
const KINDS: Readonly<Record<string, (draw: Draw) => Made>> = {
  'any signature': ({ time, hex }) => ({ headers: headersOf(time, `v0=${hex(64)}`) }),
  'one digit off': ({ time, good, below }) => {
    const at = 3 + below(64);
    const digit = ((Number.parseInt(good.charAt(at), 16) + 1 + below(15)) % 16).toString(16);
    return { headers: headersOf(time, good.slice(0, at) + digit + good.slice(at + 1)) };
  },
  'of another body': ({ secret, time, body }) => ({ headers: signed(secret, `${body} `, time) }),
  'of a longer body': ({ secret, time, body }) => ({ headers: signed(secret, body, time), body: `${body}&x=1` }),
  'of a shorter body': ({ secret, time, body }) => ({ headers: signed(secret, body, time), body: body.slice(0, -1) }),
  'of another time': ({ secret, time, body, below }) => ({
    headers: headersOf(time, signatureOf(secret, time - 1 - below(299), body)),
  }),
  'too old': ({ secret, time, body, below }) => ({ headers: signed(secret, body, time - 310 - below(100_000)) }),
  'of the future': ({ secret, time, body, below }) => ({ headers: signed(secret, body, time + 310 + below(100_000)) }),
  'of no time': ({ secret, body }) => ({ headers: signed(secret, body, 'NaN') }),
  'with a time in another notation': ({ secret, time, body, pick }) => ({
    headers: signed(secret, body, pick([`${time}.0`, `+${time}`, `0x${time.toString(16)}`, `${time}e0`])),
  }),
  'without a signature': ({ time }) => ({ headers: [[TIME, String(time)]] }),
  'without a time': ({ good }) => ({ headers: [[SIGNATURE, good]] }),
  'without headers': () => ({ headers: [] }),
  'with an empty signature': ({ time, pick }) => ({ headers: headersOf(time, pick(['', 'v0', 'v0='])) }),
  'by an empty secret': ({ time, body }) => ({ headers: signed('', body, time) }),
  'by another secret': ({ time, body, hex }) => ({ headers: signed(hex(32), body, time) }),
  'of another version': ({ time, good, below }) => ({
    headers: headersOf(time, `v${1 + below(9)}=${good.slice(3)}`),
  }),
  'without a version': ({ time, good }) => ({ headers: headersOf(time, good.slice(3)) }),
  'cut short': ({ time, good, below }) => ({ headers: headersOf(time, good.slice(0, 3 + below(64))) }),
  'with more behind it': ({ time, good, hex, pick }) => ({
    headers: headersOf(time, good + pick(['=', ' ;', `=${hex(64)}`, hex(2)])),
  }),
  'in upper case': ({ time, good }) => ({ headers: headersOf(time, `v0=${good.slice(3).toUpperCase()}`) }),
  'with two signatures': ({ time, good, hex, below }) => {
    const other: Headers[number] = [SIGNATURE, below(2) ? good : `v0=${hex(64)}`];
    const own: Headers[number] = [SIGNATURE, good];
    return { headers: [[TIME, String(time)], ...(below(2) ? [own, other] : [other, own])] };
  },
  'with two times': ({ time, good, below }) => ({
    headers: [[TIME, String(time - below(2))], ...headersOf(time, good)],
  }),
  'with a body written another way': ({ time, good, body, below }) => ({
    headers: headersOf(time, good),
    body: rewritten(body, below),
  }),
  'with bytes before its body': ({ time, good, body }) => ({
    headers: headersOf(time, good),
    body: Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(body)]),
  }),
};

/** The same to who reads it as a form or as JSON. */
function rewritten(body: string, below: Draw['below']): string {
  if (body.startsWith('{')) return below(2) ? `${body}\n` : body.replace('"', ' "');
  return below(2)
    ? `${body}&`
    : body
        .replace(/%([0-9A-F]{2})/, (_, code: string) => `%${code.toLowerCase()}`)
        .replace(/^[a-z]/, (first) => `%${first.charCodeAt(0).toString(16)}`);
}

/** Endless, the same for a seed but for the times and ids of now. Some name an address that they come from. */
export function* forgeries(seed: number, secret: string, genuine: readonly Genuine[]): Generator<Forgery, never> {
  const number = numbers(seed);
  const below = (end: number): number => Math.floor(number() * end);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const hex = (length: number): string => Array.from({ length }, () => below(16).toString(16)).join('');
  for (;;) {
    const [kind, make] = pick(Object.entries(KINDS));
    const { type, body } = pick(genuine)();
    const time = secondsNow();
    const made = make({ secret, body, time, good: signatureOf(secret, time, body), below, pick, hex });
    const forwarded: Headers = below(4) ? [] : [['X-Forwarded-For', `192.0.2.${below(4)}`]];
    yield { kind, type, headers: [...made.headers, ...forwarded], body: made.body ?? body };
  }
}
