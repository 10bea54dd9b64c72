import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditEvent } from '../../../src/access/audit-event.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { type LiveConfig, liveConfig } from '../../../src/control/live-config.ts';
import { configLook, watchingConfig } from '../../../src/control/watch-config.ts';
import { createLog } from '../../../src/log.ts';
import type { Notice } from '../../../src/use-cases/notice.ts';
import type { Store } from '../../../src/use-cases/ports/store.ts';
import { testFolder } from '../../support/checks/folder.ts';

const POLICY = 'rules: [{ name: one, max_duration: PT8H }]\n';
const STRICTER = 'rules: [{ name: two, approvals: 2, max_duration: PT4H }]\n';
const BAD = 'rules:\n  - { name: one, max_duration: 8h }\n';
const SETTINGS = `site: acme\ndata_dir: ./data\ngateway: { public_host: ssh.example.com }\nslack: { security_channel: C0123456789 }\n`;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const log = createLog('silent');
const clock = { now: () => new Date(0) };

let folder: ReturnType<typeof testFolder>;
let events: AuditEvent[];
let notices: Notice[];
let isAway: boolean;
let nowMs: number;
let live: LiveConfig;
let look: () => Promise<void>;

const path = (name: string): string => join(folder.path, name);
const write = (name: string, text: string): void => writeFileSync(path(name), text);
const store = {
  transaction: (run: (tx: unknown) => Promise<unknown>) => {
    if (isAway) return Promise.reject(new Error('the database is away'));
    return run({
      audit: { append: async (event: AuditEvent) => void events.push(event) },
      outbox: { enqueue: async (notice: Notice) => void notices.push(notice) },
    });
  },
} as unknown as Store;
const deps = { store, clock, log };
/** Often enough, and late enough, for what is there to count. */
const settle = async (): Promise<void> => {
  await look();
  nowMs += 1_000;
  await look();
};
const inForce = (): unknown => live.inventory.policy.rules.map((rule) => rule.name);

function begin(): void {
  const config = loadConfig(path('daypass.yml'));
  live = liveConfig(config, log);
  look = configLook(live, config.file, deps, () => nowMs);
}

beforeEach(() => {
  folder = testFolder();
  [events, notices, isAway, nowMs] = [[], [], false, 0];
  write('daypass.yml', SETTINGS);
  write('targets.yml', 'targets: []\n');
  write('policy.yml', POLICY);
  begin();
});
afterEach(() => folder[Symbol.dispose]());

describe('a control that looks at its files', () => {
  it('takes over what it has seen twice, and writes its digests down', async () => {
    write('policy.yml', STRICTER);
    await look();
    expect(inForce()).toEqual(['one']);
    nowMs += 1_000;
    await look();
    expect(inForce()).toEqual(['two']);
    expect(events).toEqual([
      {
        ...{ type: 'configuration_reloaded', at: new Date(0), actor: { kind: 'daypass' } },
        facts: {
          changes: ['policy: rules changed'],
          policySha256: sha256(STRICTER),
          targetsSha256: sha256('targets: []\n'),
        },
      },
    ]);
    await settle();
    expect([events.length, notices]).toEqual([1, []]);
  });

  it('writes down other bytes that say the same', async () => {
    write('policy.yml', `# As agreed in May.\n${POLICY}`);
    await settle();
    expect(events).toMatchObject([{ facts: { changes: [], policySha256: sha256(`# As agreed in May.\n${POLICY}`) } }]);
  });

  it('does not take over a file that is still being written', async () => {
    const halves = [
      'rules:\n',
      'rules:\n  - { name: two',
      'rules:\n  - { name: two }\n',
      'rules:\n  - { name: two }\n  - { name: three }\n',
    ];
    for (const half of halves) {
      write('policy.yml', half);
      await look();
      nowMs += 999;
      await look();
      expect(inForce()).toEqual(['one']);
      nowMs += 5_000;
    }
    await look();
    expect(inForce()).toEqual(['two', 'three']);
    expect(notices).toEqual([]);
  });

  it('leaves what only a start reads', async () => {
    write('daypass.yml', SETTINGS.replace('acme', 'other').replace('C0123456789', 'C0999999999'));
    await settle();
    expect([live.inventory.site, live.security.securityChannel]).toEqual(['acme', 'C0999999999']);
  });

  it('sees another file in the place of one', async () => {
    write('policy.yml.new', STRICTER);
    renameSync(path('policy.yml.new'), path('policy.yml'));
    await settle();
    expect(inForce()).toEqual(['two']);
  });

  it('sees links that lead elsewhere, as Kubernetes changes them', async () => {
    for (const [name, policy] of [
      ['..1', POLICY],
      ['..2', STRICTER],
    ] as const) {
      mkdirSync(path(name));
      write(join(name, 'policy.yml'), policy);
    }
    rmSync(path('policy.yml'));
    symlinkSync('..1', path('..data'));
    symlinkSync(join('..data', 'policy.yml'), path('policy.yml'));
    await settle();
    expect([inForce(), events]).toEqual([['one'], []]);
    symlinkSync('..2', path('..new'));
    renameSync(path('..new'), path('..data'));
    await settle();
    expect(inForce()).toEqual(['two']);
  });
});

describe('files that cannot be used', () => {
  it('leave the old ones in force, and are told once', async () => {
    write('policy.yml', BAD);
    for (let times = 0; times < 3; times += 1) await settle();
    expect(inForce()).toEqual(['one']);
    const about = { file: 'policy.yml', line: 2 };
    expect(notices).toEqual([
      {
        ...{ kind: 'configuration_refused', at: clock.now().toISOString(), ...about },
        reason: 'rules.0.max_duration: must be an ISO 8601 duration, such as PT4H or PT30M; for example "PT8H"',
      },
    ]);
    expect(events).toEqual([
      {
        ...{ type: 'configuration_refused', at: clock.now(), actor: { kind: 'daypass' } },
        facts: { ...about, sha256: sha256(BAD) },
      },
    ]);
  });

  it.each([
    [
      'not YAML',
      () => write('policy.yml', 'rules: [\n'),
      { file: 'policy.yml', line: 2, reason: expect.stringMatching(/^not valid YAML: [^\n]*$/) },
    ],
    [
      'gone',
      () => rmSync(path('targets.yml')),
      { file: 'targets.yml', line: null, reason: expect.stringContaining('ENOENT') },
    ],
    [
      'of another encoding',
      () => writeFileSync(path('policy.yml'), Buffer.from(`# \xfc\n${POLICY}`, 'latin1')),
      { file: 'policy.yml', line: null, reason: expect.stringContaining('UTF-8') },
    ],
    [
      'full of what hides',
      () => write('policy.yml', `"\\u202e\\u0007${'x'.repeat(999)}": 1\n${POLICY}`),
      { file: 'policy.yml', reason: expect.stringMatching(/^\?\?x{200,298}$/) },
    ],
  ])('are told of in one line where they are %s', async (_, change, told) => {
    change();
    await settle();
    expect(notices).toMatchObject([told]);
    expect(inForce()).toEqual(['one']);
  });

  it.each([
    ['corrected', STRICTER, ['two'], 'configuration_reloaded'],
    ['put back', POLICY, ['one'], 'configuration_refused'],
  ])('are told of once more when they are %s', async (_, mended, rules, last) => {
    write('policy.yml', BAD);
    await settle();
    write('policy.yml', mended);
    for (let times = 0; times < 3; times += 1) await settle();
    expect(notices.map(({ kind }) => kind)).toEqual(['configuration_refused', 'configuration_mended']);
    expect([inForce(), events.at(-1)?.type]).toEqual([rules, last]);
    write('policy.yml', BAD);
    await settle();
    expect(notices).toHaveLength(3);
  });

  it('are told of once for each of their contents', async () => {
    for (const text of [BAD, 'rules: []\n', BAD]) {
      write('policy.yml', text);
      await settle();
    }
    expect(notices).toHaveLength(2);
  });

  it('are told of as soon as that can be written down', async () => {
    write('policy.yml', BAD);
    isAway = true;
    await expect(settle()).rejects.toThrow('the database is away');
    isAway = false;
    await look();
    expect(notices).toHaveLength(1);
  });
});

describe('a command and a look at once', () => {
  it('take over one and the same', async () => {
    write('policy.yml', STRICTER);
    await look();
    nowMs += 1_000;
    await Promise.all([look(), live.reload(deps, { kind: 'operator', account: 'root' }), look()]);
    expect([inForce(), events.length]).toEqual([['two'], 1]);
  });

  it('do not bring back what the files no longer say', async () => {
    write('policy.yml', STRICTER);
    const before = live.digest();
    await live.reload(deps, { kind: 'operator', account: 'root' });
    expect(await live.reloadIf(before, deps, { kind: 'daypass' })).toBe(false);
    expect([inForce(), events.length]).toEqual([['two'], 1]);
  });
});

describe('a control', () => {
  it('looks by itself', async () => {
    await using _watching = watchingConfig(live, loadConfig(path('daypass.yml')), deps);
    write('policy.yml', STRICTER);
    await expect.poll(inForce).toEqual(['two']);
  });

  it('does not look where only a command reloads', async () => {
    write('daypass.yml', `${SETTINGS}reload: manual\n`);
    const untouched = new Proxy(live, { get: () => expect.unreachable() });
    await using _watching = watchingConfig(untouched, loadConfig(path('daypass.yml')), deps);
  });

  it('has an inventory whose copy stays as it is', async () => {
    const copy = { ...live.inventory };
    write(
      'targets.yml',
      'targets: [{ id: web-01, name: W, address: h, host_keys: ["ssh-ed25519 AAAA"], logins: [x] }]\n',
    );
    write('policy.yml', STRICTER);
    await settle();
    const id = live.inventory.targets[0]?.id;
    expect(id && [copy.find(id), live.inventory.find(id)?.name]).toEqual([null, 'W']);
    expect(copy.policy.rules).toMatchObject([{ name: 'one' }]);
  });
});
