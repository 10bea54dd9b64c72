import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RegistryEntry } from '../../../../src/access/registry-entry.ts';
import { digest } from '../../../../src/ca/seal.ts';
import { REGISTRY_LOOK_MS, REGISTRY_MAX, REGISTRY_PIECE_MAX } from '../../../../src/gateway/limits.ts';
import { Briefing, type CodeState, Registry, registrationDigest } from '../../../../src/gateway/pipe/registry.ts';
import { RegistryKeeper } from '../../../../src/gateway/supervisor/registry-keeper.ts';
import { codeDigest } from '../../../../src/use-cases/people/issue-registration-code.ts';
import { fingerprint, later, NOON } from '../../../support/samples/samples.ts';

const key = (n: number, isRetired = false): RegistryEntry => ({ kind: 'key', fingerprint: fingerprint(n), isRetired });
const code = (of: string, until: number): RegistryEntry => ({ kind: 'code', digest: registrationDigest(of), until });

describe('the registry of a worker', () => {
  it('tells keys in use from retired ones and from those of strangers', () => {
    const registry = new Registry();
    for (const entry of [key(1), key(2), key(2, true)]) registry.know(entry);
    expect([1, 2, 3].map((n) => registry.key(fingerprint(n)))).toEqual(['in_use', 'retired', 'unknown']);
  });

  it.each<[string, RegistryEntry[], CodeState]>([
    ['that was issued', [code('abcd', later(1).getTime())], 'live'],
    ['that has run out', [code('abcd', NOON.getTime())], 'over'],
    ['that was used', [code('abcd', later(1).getTime()), code('abcd', 0)], 'over'],
    ['that was not issued', [code('abce', later(1).getTime())], 'unknown'],
  ])('a code %s', (_name, entries, expected) => {
    const registry = new Registry();
    for (const entry of entries) registry.know(entry);
    expect([registry.code('abcd', NOON), registry.code('ABCD', NOON)]).toEqual([expected, expected]);
  });

  it.each(['abcd-efgh', '', '"\\', '\u0000', 'é\u2028'])('makes the digest of a code as control does: %j', (of) => {
    expect(registrationDigest(of)).toBe(codeDigest({ digest }, of));
  });

  it('says what is news, and forgets the oldest of too many', () => {
    const registry = new Registry();
    expect([key(0), key(0), key(0, true), key(0, true)].map((each) => registry.know(each))).toEqual([
      true,
      false,
      true,
      false,
    ]);
    for (let n = 0; n < REGISTRY_MAX.codes; n += 1) registry.know(code(`${n}`, later(1).getTime()));
    expect(registry.code('0', NOON)).toBe('live');
    registry.know(code(`${REGISTRY_MAX.codes}`, later(1).getTime()));
    expect([registry.code('0', NOON), registry.code('1', NOON)]).toEqual(['unknown', 'live']);
    expect(registry.entries).toHaveLength(1 + REGISTRY_MAX.codes);
  });
});

describe('the entries of a registry', () => {
  it('are its keys and its codes, the oldest of each first, and what changed last is the newest', () => {
    const registry = new Registry();
    for (const entry of [key(1), code('a', 5), key(2), code('b', 6), key(1, true), code('a', 7)]) registry.know(entry);
    expect(registry.entries).toEqual([key(2), key(1, true), code('b', 6), code('a', 7)]);
    const again = new Registry();
    for (const entry of registry.entries) expect(again.know(entry)).toBe(true);
    expect(again.entries).toEqual(registry.entries);
  });
});

describe('what a worker is told of it', () => {
  const keys = Array.from({ length: 2 * REGISTRY_PIECE_MAX + 1 }, (_, n) => key(n + 1));

  it('comes in pieces before it starts, each once the one before was taken, and later at once', () => {
    const told: (RegistryEntry[] | 'start')[] = [];
    const briefing = new Briefing(
      keys,
      (entries) => void told.push(entries),
      () => void told.push('start'),
    );
    const late = [key(90_001), key(90_002, true)];
    expect(told).toHaveLength(1);
    briefing.know(late[0] as RegistryEntry);
    for (let n = 0; n < 3; n += 1) briefing.taken();
    briefing.know(late[1] as RegistryEntry);
    briefing.taken();
    expect(told.map((each) => (each === 'start' ? each : each.length))).toEqual([1_000, 1_000, 2, 'start', 1]);
    expect(told.filter((each) => each !== 'start').flat()).toEqual([...keys, ...late]);
  });

  it('is nothing where nothing is registered: it starts', () => {
    const told: string[] = [];
    new Briefing(
      [],
      () => void told.push('entries'),
      () => void told.push('start'),
    );
    expect(told).toEqual(['start']);
  });
});

describe('control', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('tells of each change when it is made, and once a minute of those that nobody heard of', async () => {
    const stored = [key(1)];
    const listeners = new Set<(entry: RegistryEntry) => void>();
    const follow = (listener: (entry: RegistryEntry) => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    };
    const told: RegistryEntry[] = [];
    const log = pino({ level: 'silent' });
    const keeper = new RegistryKeeper({ all: async () => [...stored], follow }, log, (entry) => void told.push(entry));
    await keeper.start();
    expect(told.splice(0)).toEqual([key(1)]);
    stored.push(key(2), key(3));
    for (const listener of listeners) listener(key(2));
    expect(told.splice(0)).toEqual([key(2)]);
    await vi.advanceTimersByTimeAsync(REGISTRY_LOOK_MS);
    expect(told).toEqual([key(3)]);
    expect(keeper.entries).toEqual([key(1), key(2), key(3)]);
    keeper[Symbol.dispose]();
    expect([listeners.size, vi.getTimerCount()]).toEqual([0, 0]);
  });
});
