import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type AuditHead, headText, shortHead } from '../../../src/access/audit-head.ts';
import { downstreamCertificate, withAuditHead } from '../../../src/access/certificate.ts';
import { certificateAuthority } from '../../../src/ca/authority.ts';
import { createKeys, loadKeys } from '../../../src/ca/keys.ts';
import { writeEvents } from '../../../src/control/events.ts';
import { createLog } from '../../../src/log.ts';
import { publicKeyLine } from '../../../src/sshwire/public-key.ts';
import { openBackend, openStore } from '../../../src/store/store.ts';
import { type TestFolder, testFolder } from '../../support/checks/folder.ts';
import { makeKey } from '../../support/peers/ssh-keys.ts';
import { grant, later } from '../../support/samples/samples.ts';
import { random } from '../../support/worlds/access-world.ts';
import { testSeals } from '../../support/worlds/beside.ts';
import { daypassCommand } from '../../support/worlds/build.ts';

type Ran = { readonly code: number; readonly out: string; readonly err: string };

let folder: TestFolder;
let head: AuditHead;
const log = createLog('silent');
const at = (name: string): string => join(folder.path, name);

/** A log of three events in an embedded database, as a file, and a certificate that was issued behind the second. */
beforeEach(async () => {
  folder = testFolder();
  mkdirSync(at('config'));
  const settings = `site: test\ndata_dir: ${folder.path}\ngateway: { listen: 127.0.0.1:0, public_host: localhost }\nslack: { security_channel: C0123456789 }\n`;
  writeFileSync(at('config/daypass.yml'), settings);
  writeFileSync(at('config/targets.yml'), 'targets: []\n');
  writeFileSync(
    at('config/policy.yml'),
    'rules: [{ name: one, approvals: 1, max_duration: PT8H }]\ndurations: [PT1H]\nrequest_ttl: P1D\n',
  );
  createKeys(at('keys'));
  const options = { databaseUrl: null, dataDir: folder.path, log, seals: testSeals };
  await using store = await openStore(options, { leaseMs: 60_000, lost: () => {} });
  const append = (n: number): Promise<void> =>
    store.transaction((tx) =>
      tx.audit.append({ type: 'code_issued', at: later(n), actor: { kind: 'daypass' }, facts: { n } }),
    );
  const current = () => store.transaction((tx) => tx.audit.head());
  await append(1);
  await append(2);
  const authority = certificateAuthority(loadKeys(at('keys')), random);
  const spec = withAuditHead(downstreamCertificate(grant(1)), await current());
  const key = publicKeyLine(makeKey('ssh-ed25519').publicKey);
  writeFileSync(at('casey-cert.pub'), `${authority.issueDownstream(key, spec).certificate} casey\n`);
  await append(3);
  head = (await current()) ?? { number: 0, hash: '' };
  const lines: string[] = [];
  const out = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  await using _events = await writeEvents({ store, log, site: 'test', dataDir: folder.path }, out);
  await expect.poll(() => lines.join('').split('\n')).toHaveLength(4);
  writeFileSync(at('events.jsonl'), lines.join(''));
});
afterEach(() => folder[Symbol.dispose]());

const verify = (...args: readonly string[]): Promise<Ran> =>
  new Promise((resolve) => {
    const options = { env: { PATH: process.env['PATH'] }, cwd: folder.path };
    const given = [...daypassCommand(), '--config', at('config/daypass.yml'), 'verify', 'audit', ...args];
    execFile(process.execPath, given, options, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out, err });
    });
  });

async function tamper(sql: string): Promise<void> {
  const backend = await openBackend({ databaseUrl: null, dataDir: folder.path, log });
  const connection = await backend.connect();
  await connection.query(`alter table audit_event disable trigger all; ${sql}`, []);
  connection.release(false);
  await backend.close();
}

it('says what holds and what does not, of the database and of a file, with exit codes and as JSON', async () => {
  const intact = `audit log  3 events, intact, the last is ${headText(head)}\n`;
  const plain = await verify();
  expect(plain).toMatchObject({ code: 0, err: '' });
  expect(plain.out).toMatch(`${intact}No head from elsewhere was given`);
  const kept = ['--head', shortHead(head), '--certificate', 'casey-cert.pub'];
  for (const source of [[], ['--events', 'events.jsonl']]) {
    const { code, out } = await verify(...source, ...kept);
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringMatching(/^casey-cert\.pub, signed by SHA256:\S+ {2}holds\n--head 3 {2}holds\n$/m),
    });
    expect(out).toContain(intact);
  }
  await tamper(`update audit_event set type = 'key_retired' where id = 1`);
  const edited = await verify(...kept);
  expect(edited.code).toBe(1);
  expect(edited.out).toContain('3 events, BROKEN');
  expect(edited.out).toContain('  event 1: its hash is not that of what it says\n');
  const json = await verify('--json', ...kept);
  expect(json.code).toBe(1);
  expect(JSON.parse(json.out)).toMatchObject({
    ...{ events: 3, holds: false, problems: [{ number: 1, how: 'edited' }] },
    heads: [
      { number: 2, holds: true },
      { number: 3, holds: true },
    ],
  });
  writeFileSync(at('cut.jsonl'), readFileSync(at('events.jsonl'), 'utf8').split('\n').slice(0, 1).join('\n'));
  const cut = await verify('--events', 'cut.jsonl', '--certificate', 'casey-cert.pub');
  expect(cut.code).toBe(1);
  expect(cut.out).toMatch(
    /^ {2}event 2: the log ends with event 1, but casey-cert\.pub, signed by \S+ is of event 2$/m,
  );
});

it('refuses a head that is none and a certificate that was forged, and says what to give', async () => {
  const certificate = readFileSync(at('casey-cert.pub'), 'utf8');
  const bytes = Buffer.from(certificate.split(' ')[1] ?? '', 'base64');
  bytes.set(Buffer.from('9'), bytes.indexOf('2:'));
  writeFileSync(at('forged-cert.pub'), `${certificate.split(' ')[0]} ${bytes.toString('base64')}\n`);
  for (const [given, code, why] of [
    [['--all'], 2, 'are for recordings, not for the audit log'],
    [['--head', '1042'], 2, '--head takes the number of an event, a colon and 12 to 64 hex digits'],
    [['--certificate', 'forged-cert.pub'], 1, 'forged-cert.pub was changed after it was issued'],
    [['--events', 'nothing.jsonl'], 1, 'nothing.jsonl cannot be read'],
  ] as const) {
    const ran = await verify(...given);
    expect(ran).toMatchObject({ code, out: '' });
    expect(ran.err).toContain(why);
  }
});
