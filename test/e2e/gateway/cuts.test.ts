import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CUTS, type CuttingProxy, cuttingProxy } from '../../support/peers/cutting-proxy.ts';
import { ssh } from '../../support/peers/gateway-client.ts';
import { run } from '../../support/peers/processes.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

/** So long control takes to decide: time to be cut while it does. */
const DECIDE_MS = 15;
const MOST_PIECES = 200;

const lines: string[] = [];
let world: GatewayWorld;
let clients: CuttingProxy;
let targets: CuttingProxy;

beforeAll(async () => {
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  world = await GatewayWorld.start({ log });
  const decide = world.control.authorize.bind(world.control);
  world.control.authorize = async (ask) => {
    await pause(DECIDE_MS);
    return decide(ask);
  };
  clients = await cuttingProxy(world.gateway.port, 'dialled');
  targets = await cuttingProxy(world.sshd.port, 'dialling');
  world.control.targets.splice(0);
  world.control.grants.splice(0);
  world.addTarget('web-01', { address: '127.0.0.1', port: targets.port, hostKeyLine: world.sshd.hostKeyLine });
  world.grant('files-rw');
  world.grant('shell');
  writeFileSync(join(world.folder.path, 'given'), 'x'.repeat(100_000));
});
afterAll(async () => {
  await clients?.[Symbol.asyncDispose]();
  await targets?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
});

const through = (): string[] => ['-F', world.sshConfig, '-o', `Port=${clients.port}`, '-o', 'LogLevel=ERROR'];
const conversations = {
  command: () => run('ssh', [...through(), 'direct', 'echo in; echo err >&2']),
  terminal: () => run('ssh', [...through(), '-tt', 'direct', 'echo in']),
  files: () => {
    const given = join(world.folder.path, 'given');
    return run('sftp', [...through(), '-q', '-b', '-', 'direct'], {
      stdin: `put ${given} ${given}2\nget ${given}2 ${given}3\n`,
    });
  },
};

const descriptors = (worker: number): number => readdirSync(`/proc/${worker}/fd`).length;

describe.each([
  ['a client', () => clients],
  ['a target', () => targets],
] as const)('%s that is gone in the middle', (_who, proxy) => {
  it.each(['command', 'terminal', 'files'] as const)(
    'of a conversation (%s), after each of its packets, hurts nobody',
    async (what) => {
      const converse = conversations[what];
      const [worker = -1] = world.gateway.workers;
      proxy().cut(Number.POSITIVE_INFINITY, 'end');
      expect(await converse()).toMatchObject({ code: 0 });
      const whole = proxy().pieces();
      expect(whole).toBeGreaterThan(10);
      const settled = async (): Promise<void> => {
        const { sessions, closed_ } = world.control;
        for (let tries = 0; closed_.length < sessions.length && tries < 1_000; tries += 1) await pause(10);
        expect(closed_.map(({ id }) => id).toSorted()).toEqual([...sessions].toSorted());
      };
      await settled();
      const before = descriptors(worker);
      const ways = process.env['DAYPASS_LONG'] === '1' ? CUTS : [null];
      for (const way of ways) {
        for (let at = 1; at < Math.min(whole, MOST_PIECES); at += 1) {
          proxy().cut(at, way ?? CUTS[at % CUTS.length] ?? 'reset');
          await converse();
          expect(world.gateway.workers).toEqual([worker]);
        }
      }
      proxy().cut(Number.POSITIVE_INFINITY, 'end');
      expect(await ssh(world, ['direct', 'echo on'])).toMatchObject({ code: 0, stdout: 'on\n' });
      await settled();
      for (let tries = 0; descriptors(worker) > before && tries < 500; tries += 1) await pause(10);
      expect(descriptors(worker)).toBeLessThanOrEqual(before);
      expect(world.gateway.workers).toEqual([worker]);
      expect(lines.filter((line) => line.includes('"level":50'))).toEqual([]);
    },
  );
});
