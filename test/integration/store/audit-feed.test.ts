import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeEvents } from '../../../src/control/events.ts';
import { AuditFollower } from '../../../src/use-cases/audit/follow-audit.ts';
import { gate } from '../../support/checks/gate.ts';
import { NOON } from '../../support/samples/samples.ts';
import { openTestStore, STORE_KINDS, type TestStore } from '../../support/worlds/store.ts';

const event = (n: number) => ({ type: 'code_issued', at: NOON, actor: { kind: 'daypass' }, facts: { n } }) as const;
const log = pino({ level: 'silent' });

class Lines extends Writable {
  readonly seen: number[] = [];
  text = '';
  failures = 0;

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    if (this.failures > 0) {
      this.failures -= 1;
      done(new Error('broken pipe'));
      return;
    }
    this.text += chunk.toString();
    for (const line of chunk.toString().trim().split('\n')) {
      this.seen.push((JSON.parse(line) as { facts: { n: number } }).facts.n);
    }
    done();
  }
}

describe.each(STORE_KINDS)('audit events on %s', (kind) => {
  let store: TestStore;
  let folder: string;
  beforeEach(async () => {
    store = await openTestStore(kind);
    folder = mkdtempSync(join(tmpdir(), 'daypass-events-'));
  });
  afterEach(async () => {
    await store[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });
  const append = (...numbers: number[]) =>
    store.transaction(async (tx) => {
      for (const n of numbers) await tx.audit.append(event(n));
    });
  const deps = () => ({ store, log, site: 'test', dataDir: folder });
  const until = (lines: Lines, count: number) => expect.poll(() => lines.seen.length, { timeout: 10_000 }).toBe(count);

  it('are written in order as one line each, and after a stop go on where they ended', async () => {
    await append(1, 2);
    const first = new Lines();
    {
      await using _events = await writeEvents(deps(), first);
      await append(3);
      await until(first, 3);
      await append(4);
    }
    expect(first.seen).toEqual([1, 2, 3, 4]);
    expect(JSON.parse(first.text.split('\n')[0] ?? '')).toEqual({
      ...{ v: 1, id: 1, at: NOON.toISOString(), site: 'test', type: 'code_issued', actor: { kind: 'daypass' } },
      ...{ facts: { n: 1 }, prev: '0'.repeat(64), hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    await append(5);
    const second = new Lines();
    await using _events = await writeEvents(deps(), second);
    await until(second, 1);
    expect(second.seen).toEqual([5]);
  });

  it('have numbers without a gap, also where a transaction is rolled back', async () => {
    await append(1);
    const rolledBack = store.transaction(async (tx) => {
      await tx.audit.append(event(99));
      throw new Error('not today');
    });
    await expect(rolledBack).rejects.toThrow();
    await append(2);
    const follower = new AuditFollower(store, 0);
    expect((await follower.next()).map(({ id, facts }) => [id, facts['n']])).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(await follower.next()).toEqual([]);
    expect(follower.id).toBe(2);
  });

  it('refuse a damaged cursor, and say so where the database is the older one', async () => {
    writeFileSync(join(folder, 'events.cursor'), '{"id":');
    await expect(writeEvents(deps(), new Lines())).rejects.toThrow('events.cursor');
    writeFileSync(join(folder, 'events.cursor'), '{"id":1000}');
    await append(1);
    const lines = new Lines();
    await using _events = await writeEvents(deps(), lines);
    await append(2);
    await until(lines, 1);
    expect(JSON.parse(readFileSync(join(folder, 'events.cursor'), 'utf8'))).toEqual({ id: 2 });
  });

  it.runIf(kind === 'postgres')('have the order in which they were committed', async () => {
    const open = gate();
    const begun = gate();
    const slow = store.transaction(async (tx) => {
      await tx.audit.append(event(1));
      begun.open();
      await open.opened;
    });
    await begun.opened;
    await append(2);
    const follower = new AuditFollower(store, 0);
    const numbers = async () => (await follower.next()).map(({ facts }) => facts['n']);
    expect(await numbers()).toEqual([2]);
    open.open();
    await slow;
    expect(await numbers()).toEqual([1]);
  });
});
