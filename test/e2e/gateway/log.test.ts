import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import ssh2, { type Client } from 'ssh2';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { internalsOf, sendPayload } from '../../../src/gateway/ssh/ssh2-internals.ts';
import { encode, string, uint8, uint32 } from '../../../src/sshwire/bytes.ts';
import { ssh } from '../../support/peers/gateway-client.ts';
import { type GatewayProcess, gatewayProcess } from '../../support/worlds/gateway-process.ts';

const HOSTILE = 'bye\r\n{"level":50,"msg":"ready"}\n\u001b]0;pwned\u0007\u009b31m\u2028\u202eend';

let gateway: GatewayProcess;
beforeAll(async () => {
  gateway = await gatewayProcess({}, 'trace');
});
afterAll(() => gateway?.[Symbol.asyncDispose]());

type Said = { readonly level: number; readonly msg: string; readonly err?: { readonly message: string } };
type Line = { readonly level: number; readonly msg: string; readonly worker: number; readonly said: Said };
const lines = (): string[] => gateway.output().split('\n').slice(0, -1);
/** The n-th line of which this is so. */
async function logged(is: (line: Line) => boolean): Promise<Line> {
  for (let tries = 0; tries < 500; tries += 1) {
    const found = lines()
      .map((line) => JSON.parse(line) as Line)
      .find(is);
    if (found) return found;
    await pause(10);
  }
  throw new Error(`it is not in the log:\n${gateway.output()}`);
}

const DISCONNECT = encode(uint8(1), uint32(2), string(HOSTILE), string(''));
const at = {
  host: '127.0.0.1',
  get port() {
    return gateway.port;
  },
};

/** RFC 4253 §6, before there are keys. */
function packet(payload: Uint8Array): Buffer {
  const padding = 8 + ((8 - ((5 + payload.length) % 8)) % 8);
  const length = Buffer.alloc(5);
  length.writeUInt32BE(1 + payload.length + padding);
  length[4] = padding;
  return Buffer.concat([length, payload, randomBytes(padding)]);
}

const closing = (peer: Client | Socket): Promise<void> => new Promise((resolve) => peer.once('close', () => resolve()));

it('what a peer says as it goes is in one line of the log, escaped, before and after the keys', async () => {
  const early = connect(at.port, at.host);
  early.on('error', () => {}).resume();
  const closed = closing(early);
  early.write('SSH-2.0-early\r\n');
  early.write(packet(DISCONNECT));
  await closed;
  const line = await logged(({ said }) => said.err?.message.includes('pwned') ?? false);
  expect(line).toMatchObject({ worker: gateway.workers[0], msg: 'worker output', level: line.said.level });
  expect(line.said.err?.message).toBe(HOSTILE);
  const first = lines().filter((line) => line.includes('pwned')).length;
  const client = new ssh2.Client();
  client.on('error', () => {});
  client.connect({ ...at, username: 'x', authHandler: () => undefined as never });
  await once(client, 'handshake');
  const left = closing(client);
  sendPayload(internalsOf(client)._protocol, DISCONNECT);
  await left;
  while (lines().filter((line) => line.includes('pwned')).length === first) await pause(10);
  expect(lines().filter((line) => line.includes('pwned'))).toHaveLength(2);
});

it('names of peers and of logins bring no control character into it, and it is JSON line by line', async () => {
  const named = connect(at.port, at.host);
  named.on('error', () => {}).resume();
  const closed = closing(named);
  named.write(`SSH-2.0-${HOSTILE.slice(22)}\r\n`);
  named.end(randomBytes(2_000));
  await closed;
  for (const username of [HOSTILE, `${HOSTILE}+web-01`, `register-${HOSTILE}`, `root+${HOSTILE}`]) {
    const client = new ssh2.Client();
    client.on('error', () => {});
    client.connect({ ...at, username, password: HOSTILE });
    await closing(client);
  }
  expect(await ssh(gateway, ['direct', 'echo on'])).toMatchObject({ code: 0, stdout: 'on\n' });
  for (const line of lines()) {
    expect(line).not.toMatch(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/u);
    expect((JSON.parse(line) as Line).msg).not.toBe('ready');
  }
});
