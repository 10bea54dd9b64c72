import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { AuditEvent } from '../../../src/access/audit-event.ts';
import { ConfigError, loadConfig } from '../../../src/config/load.ts';
import { type LiveConfig, liveConfig } from '../../../src/control/live-config.ts';
import { createLog } from '../../../src/log.ts';
import type { Store } from '../../../src/use-cases/ports/store.ts';
import { testFolder } from '../../support/checks/folder.ts';

const POLICY = 'rules: [{ name: one, max_duration: PT8H }]\n';
const STRICTER = '# Two, as of May.\nrules: [{ name: two, approvals: 2, max_duration: PT4H }]\n';

let folder: ReturnType<typeof testFolder>;
let events: AuditEvent[];
let live: LiveConfig;
const write = (name: string, text: string): void => writeFileSync(join(folder.path, name), text);
const store = {
  transaction: (run: (tx: unknown) => Promise<unknown>) =>
    run({ audit: { append: async (event: AuditEvent) => void events.push(event) } }),
} as unknown as Store;
const reload = () => live.reload({ store, clock: { now: () => new Date(0) } }, { kind: 'operator', account: 'root' });

beforeEach(() => {
  folder = testFolder();
  events = [];
  const gateway = 'gateway: { public_host: ssh.example.com }';
  write('daypass.yml', `site: acme\ndata_dir: ./data\n${gateway}\nslack: { security_channel: C0123456789 }\n`);
  write('targets.yml', 'targets: []\n');
  write('policy.yml', POLICY);
  live = liveConfig(loadConfig(join(folder.path, 'daypass.yml')), createLog('silent'));
});
afterEach(() => folder[Symbol.dispose]());

it('takes a changed policy over, and its digest into the audit log', async () => {
  write('policy.yml', STRICTER);
  expect(await reload()).toEqual({ applied: ['policy: rules changed'], atNextStart: [] });
  expect(live.inventory.policy.rules).toMatchObject([{ name: 'two', approvals: 2 }]);
  const policySha256 = createHash('sha256').update(STRICTER).digest('hex');
  const targetsSha256 = createHash('sha256').update('targets: []\n').digest('hex');
  expect(events).toEqual([
    {
      ...{ type: 'configuration_reloaded', at: new Date(0), actor: { kind: 'operator', account: 'root' } },
      facts: { changes: ['policy: rules changed'], policySha256, targetsSha256 },
    },
  ]);
});

it('writes nothing down where nothing changed', async () => {
  expect(await reload()).toEqual({ applied: [], atNextStart: [] });
  expect(events).toEqual([]);
});

it('keeps the policy that it has where the new one cannot be used', async () => {
  write('policy.yml', 'rules:\n  - { name: one, max_duration: 8h }\n');
  await expect(reload()).rejects.toThrow(ConfigError);
  await expect(reload()).rejects.toThrow(/line 2: rules\.0\.max_duration: must be an ISO 8601 duration/);
  expect(live.inventory.policy.rules).toMatchObject([{ name: 'one' }]);
  expect(events).toEqual([]);
  write('policy.yml', STRICTER);
  expect((await reload()).applied).toEqual(['policy: rules changed']);
});

it('changes no policy where the audit log cannot be written', async () => {
  write('policy.yml', STRICTER);
  const broken = { transaction: () => Promise.reject(new Error('the database is away')) } as unknown as Store;
  await expect(
    live.reload({ store: broken, clock: { now: () => new Date(0) } }, { kind: 'operator', account: 'root' }),
  ).rejects.toThrow('the database is away');
  expect(live.inventory.policy.rules).toMatchObject([{ name: 'one' }]);
});
