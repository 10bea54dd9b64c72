import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadKeys } from '../../../src/ca/keys.ts';
import { recordSeals } from '../../../src/ca/seal.ts';
import { createLog } from '../../../src/log.ts';
import type { Operator } from '../../../src/operator/operator.ts';
import { serveAdminSocket } from '../../../src/operator/socket.ts';
import { FRAME, FRAME_HEADER_BYTES, type FrameType, writeFrame } from '../../../src/recording/format/format.ts';
import { identityFile, newIdentity, wrapNewKey } from '../../../src/recording/format/wrapped-key.ts';
import { openStore } from '../../../src/store/store.ts';
import { daypassCommand } from '../../support/worlds/build.ts';
import { Desk, sessionId } from '../../support/worlds/recordings.ts';

type Ran = { readonly code: number; readonly out: string; readonly err: string };

let desk: Desk;
let config: string;

beforeEach(() => {
  desk = new Desk();
  const folder = join(desk.path, 'config');
  mkdirSync(folder);
  config = join(folder, 'daypass.yml');
  writeFileSync(
    config,
    `site: test\ndata_dir: ${desk.path}\ngateway: { listen: 127.0.0.1:0, public_host: localhost }\nslack: { security_channel: C0123456789 }\nrecordings: { recipients: [age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z] }\n`,
  );
  writeFileSync(join(folder, 'targets.yml'), 'targets: []\n');
  writeFileSync(
    join(folder, 'policy.yml'),
    'rules: [{ name: one, approvals: 1, max_duration: PT8H }]\ndurations: [PT1H]\nrequest_ttl: P1D\n',
  );
});
afterEach(() => desk[Symbol.asyncDispose]());

const daypass = (...args: readonly string[]): Promise<Ran> =>
  new Promise((resolve) => {
    const options = { env: { PATH: process.env['PATH'] }, cwd: desk.path };
    const given = [...daypassCommand(), '--config', config, ...args];
    execFile(process.execPath, given, options, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out, err });
    });
  });

const frame = (type: FrameType, channel: number, micros: number, payload: Buffer | string | object): Buffer => {
  const bytes = Buffer.isBuffer(payload)
    ? payload
    : Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
  const into = Buffer.alloc(FRAME_HEADER_BYTES + bytes.length);
  writeFrame(into, 0, { type, channel, micros, payload: bytes });
  return into;
};

/** A recording of a shell that printed something, and the identity file that opens it. */
async function readable(n: number): Promise<{ identity: string; offsets: readonly number[] }> {
  const pair = await newIdentity();
  const wrapped = await wrapNewKey([pair.recipient]);
  const terminal = { columns: 100, rows: 30, term: 'xterm' };
  const { offsets } = await desk.sealed(n, {
    wrapped,
    chunks: [
      frame(FRAME.journal, 0, 500_000, { what: 'channel', kind: 'shell', command: null, terminal }),
      Buffer.concat([
        frame(FRAME.stdout, 0, 1_500_000, Buffer.from('caf\u00e9').subarray(0, 4)),
        frame(FRAME.file, 1, 2_000_000, { op: 'open', path: '/etc/passwd' }),
      ]),
      Buffer.concat([
        frame(FRAME.stdout, 0, 2_500_000, Buffer.from([0xa9, 0xff, 0x0a])),
        frame(FRAME.input, 0, 3_000_000, 'ls\r'),
      ]),
      frame(FRAME.journal, 0, 4_000_000, { what: 'end' }),
    ],
  });
  const path = join(desk.path, `identity-${n}`);
  writeFileSync(path, identityFile(pair, new Date()), { mode: 0o600 });
  return { identity: path, offsets };
}

describe('daypass verify', () => {
  it('says what holds and what does not, with exit codes and as JSON, without database or decryption key', async () => {
    await desk.sealed(1);
    const { offsets } = await desk.sealed(2);
    const good = await daypass('verify', '--all');
    expect(good).toMatchObject({ code: 0, err: '' });
    expect(good.out).toContain(`${sessionId(1)}  intact: 3 chunks`);
    expect(good.out).toContain('2 closed');
    const path = join(desk.folder(2), 'recording.bin');
    const whole = readFileSync(path);
    whole[(offsets[1] ?? 0) + 6] = 0;
    whole[(offsets[1] ?? 0) + 7] = 0;
    writeFileSync(path, whole);
    const bad = await daypass('verify', '--all');
    expect(bad.code).toBe(1);
    expect(bad.out).toContain(`${sessionId(2)}  BROKEN\n  recording.bin, chunk 1, byte ${offsets[1]}: it was changed`);
    const json = await daypass('verify', '--all', '--json');
    expect(json.code).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({
      recordings: [{ session: sessionId(1), state: 'closed' }, { problems: [{ chunk: 1, offset: offsets[1] }] }],
      ledger: { lines: 2, problems: [] },
      holds: false,
    });
    expect(await daypass('verify', sessionId(1))).toMatchObject({ code: 0 });
    expect(await daypass('verify', desk.folder(2))).toMatchObject({ code: 1 });
    expect(existsSync(join(desk.path, 'db'))).toBe(false);
  });

  it('needs no configuration where folder and key are named', async () => {
    await desk.sealed(1);
    const key = join(desk.path, 'copied.pub');
    writeFileSync(key, `${desk.publicKey} from the wall\n`);
    rmSync(config);
    expect(await daypass('verify', '--all', '--recordings', desk.recordings, '--public-key', key)).toMatchObject({
      code: 0,
    });
    expect(await daypass('verify', desk.folder(1), '--public-key', key)).toMatchObject({ code: 0 });
    expect(await daypass('verify', '--all', '--recordings', desk.recordings)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/use --recordings <folder> and --public-key <file>\.\n$/),
    });
  });

  it('and its sisters take nothing but an id for a recording', async () => {
    const given = '../keys';
    expect(await daypass('verify', '--', given)).toMatchObject({ code: 2, out: '' });
    expect(await daypass('recordings', 'erase', '--rule', 'r', '--', given)).toMatchObject({ code: 2, out: '' });
    expect(await daypass('recordings', 'export', '--identity', 'x', '--', given)).toMatchObject({ code: 2, out: '' });
  });

  it('does not go through a link', async () => {
    await desk.sealed(1);
    symlinkSync(desk.folder(1), desk.folder(2));
    expect(await daypass('verify', sessionId(2))).toMatchObject({
      code: 1,
      out: expect.stringContaining('not a folder'),
    });
  });
});

describe('daypass recordings export', () => {
  it('gives what was recorded to somebody who holds a key, and says that nobody wrote it down', async () => {
    const { identity } = await readable(1);
    const ran = await daypass('recordings', 'export', sessionId(1), '--identity', identity, '--out', 'out');
    expect(ran).toMatchObject({ code: 0, err: expect.stringContaining('not in the audit log') });
    const cast = readFileSync(join(desk.path, 'out', 'channel-0.cast'), 'utf8')
      .trim()
      .split('\n');
    expect(cast.map((line) => JSON.parse(line) as unknown)).toEqual([
      { version: 2, width: 100, height: 30, timestamp: 1_777_636_800, title: 'shell', env: { TERM: 'xterm' } },
      [1, 'o', 'caf'],
      [2, 'o', '\u00e9\ufffd\n'],
      [2.5, 'i', 'ls\r'],
    ]);
    await daypass('recordings', 'export', sessionId(1), '--identity', identity, '--out', 'out', '--format', 'raw');
    expect(readFileSync(join(desk.path, 'out', 'channel-0.stdin'), 'utf8')).toBe('ls\r');
    await daypass('recordings', 'export', sessionId(1), '--identity', identity, '--out', 'out', '--format', 'files');
    expect(JSON.parse(readFileSync(join(desk.path, 'out', 'files.jsonl'), 'utf8'))).toEqual({
      ...{ at: '2026-05-01T12:00:02.000Z', channel: 1, op: 'open', path: '/etc/passwd' },
    });
    const again = await daypass('recordings', 'export', sessionId(1), '--identity', identity, '--out', 'out');
    expect(again).toMatchObject({
      code: 1,
      err: expect.stringMatching(/channel-0\.cast already exists .* --out\.\n$/),
    });
  });

  it('is written down by the running control before anything is in the clear', async () => {
    const { identity } = await readable(1);
    const noted: unknown[] = [];
    const operator = { noteExport: async (...facts: unknown[]) => void noted.push(facts) } as unknown as Operator;
    await using _socket = await serveAdminSocket(join(desk.path, 'control.sock'), () => operator, createLog('silent'));
    const ran = await daypass('recordings', 'export', sessionId(1), '--identity', identity, '--channel', '0');
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(noted).toEqual([[sessionId(1), { format: 'cast', channel: 0 }]]);
    expect(readdirSync(join(desk.path, sessionId(1)))).toEqual(['channel-0.cast']);
  });

  it('refuses another key, and what does not verify unless asked for all that can be read', async () => {
    const { identity, offsets } = await readable(1);
    const other = await readable(2);
    const wrong = await daypass('recordings', 'export', sessionId(1), '--identity', other.identity);
    expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining('none of the identities can open') });
    truncateSync(join(desk.folder(1), 'recording.bin'), (offsets[2] ?? 0) + 9);
    const refused = await daypass('recordings', 'export', sessionId(1), '--identity', identity, '--out', 'out');
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('--even-if-broken') });
    expect(existsSync(join(desk.path, 'out'))).toBe(false);
    const args = ['--identity', identity, '--out', 'out', '--even-if-broken'];
    const partial = await daypass('recordings', 'export', sessionId(1), ...args);
    expect(partial).toMatchObject({ code: 1, err: expect.stringContaining('it ends inside chunk 2') });
    expect(readFileSync(join(desk.path, 'out', 'channel-0.cast'), 'utf8')).toContain('caf');
  });
});

describe('daypass recordings erase', () => {
  it('destroys the key under a rule, in the ledger and the audit log, and nothing opens it any more', async () => {
    const { identity } = await readable(1);
    await desk.reopen();
    // A command makes no database; control did, when it first started.
    expect(await daypass('recordings', 'erase', sessionId(1), '--rule', 'x')).toMatchObject({
      code: 1,
      err: expect.stringContaining('has no database yet'),
    });
    const seals = recordSeals(loadKeys(desk.keys).mac);
    const options = { databaseUrl: null, dataDir: desk.path, log: createLog('silent'), seals };
    await (await openStore(options, { leaseMs: 60_000, lost: () => {} }))[Symbol.asyncDispose]();
    expect(await daypass('recordings', 'erase', sessionId(1), '--rule', 'case 4711')).toMatchObject({ code: 0 });
    expect(existsSync(join(desk.folder(1), 'key.age'))).toBe(false);
    const verified = await daypass('verify', '--all');
    expect(verified).toMatchObject({ code: 0, out: expect.stringContaining('erased under rule "case 4711"') });
    const exported = await daypass('recordings', 'export', sessionId(1), '--identity', identity, '--even-if-broken');
    expect(exported).toMatchObject({ code: 1, err: expect.stringContaining('was erased under rule') });
    expect((await daypass('recordings', 'list')).out).toMatch(/erased .*web-01/);
    expect(await daypass('recordings', 'erase', sessionId(9), '--rule', 'x')).toMatchObject({ code: 1 });
    expect(await daypass('recordings', 'erase', sessionId(1), '--rule', 'a\u001b[2J')).toMatchObject({ code: 2 });
  }, 120_000);
});
