import { describe, expect, it } from 'vitest';
import { Policy } from '../../../src/access/policy.ts';
import { Target } from '../../../src/access/target.ts';
import { configChanges } from '../../../src/config/changes.ts';
import type { Config } from '../../../src/config/load.ts';
import { Settings } from '../../../src/config/schema.ts';

const HOST_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJc0uvgmlkFYkVIxuEGlCRKmpjFPfLhYUjVZNwk1H0hS';
const target = (id: string, address = '192.0.2.1') =>
  Target.parse({ id, name: id, address, host_keys: [HOST_KEY], logins: ['deploy'] });
const settings = Settings.parse({
  ...{ site: 'acme', data_dir: './data' },
  gateway: { public_host: 'ssh.example.com' },
  slack: { security_channel: 'C0SECURITY' },
});
const { site, gateway, slack, recordings, reload } = settings;
const config: Config = {
  ...{ file: '/etc/daypass/daypass.yml', dataDir: '/var/lib/daypass', site, gateway, slack, recordings, reload },
  events: null,
  targets: [target('web-01'), target('db-01')],
  policy: Policy.parse({ rules: [{ name: 'one', max_duration: 'PT8H' }] }),
  sha256: { settings: '00', targets: '00', policy: '00' },
};
const NOTHING = { applied: [], atNextStart: [] };

describe('what a reload changes', () => {
  it('is nothing where the files say the same', () => {
    expect(configChanges(config, structuredClone(config))).toEqual(NOTHING);
  });

  it.each<[string, Partial<Config>, Partial<ReturnType<typeof configChanges>>]>([
    ['a new target', { targets: [...config.targets, target('web-02')] }, { applied: ['targets: web-02 is new'] }],
    ['one target less', { targets: [target('web-01')] }, { applied: ['targets: db-01 was removed'] }],
    [
      'a target at another address',
      { targets: [target('web-01', '192.0.2.9'), target('db-01')] },
      { applied: ['targets: web-01: address changed'] },
    ],
    [
      'other rules',
      { policy: Policy.parse({ rules: [{ name: 'two', approvals: 2, max_duration: 'PT8H' }] }) },
      { applied: ['policy: rules changed'] },
    ],
    [
      'another person of security',
      { slack: { ...slack, security_users: ['U0123456789'] } },
      { applied: ['slack.security_users changed'] },
    ],
    ['another listening port', { gateway: { ...gateway, workers: 7 } }, { atNextStart: ['gateway.workers'] }],
    ['another site', { site: 'other' }, { atNextStart: ['site'] }],
    ['another way to reload', { reload: 'manual' }, { atNextStart: ['reload'] }],
    ['another data folder', { dataDir: '/elsewhere' }, { atNextStart: ['data_dir'] }],
    [
      'another retention',
      { recordings: { ...recordings, retention: 'P9D' } },
      { atNextStart: ['recordings.retention'] },
    ],
  ])('is told for %s', (_name, change, changes) => {
    expect(configChanges(config, { ...config, ...change })).toEqual({ ...NOTHING, ...changes });
  });
});
