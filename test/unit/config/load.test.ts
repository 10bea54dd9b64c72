import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Config, ConfigError, loadConfig, loadSecrets } from '../../../src/config/load.ts';
import { describeAsRoot } from '../../support/checks/root.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

const GOOD = {
  'daypass.yml': `site: acme
data_dir: ./data
gateway: { public_host: ssh.example.com, listen: "127.0.0.1:0" }
slack: { security_channel: C0123456789 }
`,
  'targets.yml': `targets:
  - { id: web-01, name: Web, address: 192.0.2.1, host_keys: ["ssh-ed25519 AAAA a comment"], logins: [deploy] }
`,
  'policy.yml': 'rules: [{ name: one, max_duration: PT8H }]\n',
};

function folderWith(change: Partial<typeof GOOD> = {}, within = tmpdir()): string {
  const folder = mkdtempSync(join(within, 'daypass-config-'));
  folders.push(folder);
  for (const [name, content] of Object.entries({ ...GOOD, ...change })) writeFileSync(join(folder, name), content);
  return join(folder, 'daypass.yml');
}

function refusal(change: Partial<typeof GOOD>): string {
  try {
    loadConfig(folderWith(change));
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('the configuration', () => {
  it('is read with its defaults, paths relative to the file, and host keys without comments', () => {
    const file = folderWith();
    const config = loadConfig(file);
    expect(config.dataDir).toBe(join(file, '..', 'data'));
    expect(config.gateway).toMatchObject({ listen: { host: '127.0.0.1', port: 0 }, min_free_mib: 500 });
    expect(config.targets[0]).toMatchObject({ port: 22, host_keys: ['ssh-ed25519 AAAA'] });
    expect(config.policy).toMatchObject({ request_ttl: 86_400, rules: [{ approvals: 1, max_duration: 28_800 }] });
  });

  it('names an unknown setting by its path, and those it could have been', () => {
    const message = refusal({ 'daypass.yml': `${GOOD['daypass.yml']}databse_url: x\n` });
    expect(message).toContain('databse_url: unknown setting; the settings here are site, data_dir, gateway, slack');
  });

  it('names the line in which a mistake stands, or from which something is missing', () => {
    const policy = ['rules:', '  - name: one', '    max_duration: 8h', '  - approvals: 1', '    persons: [guest]', ''];
    const said = refusal({ 'policy.yml': policy.join('\n') })
      .split('\n')
      .slice(1);
    expect(said.map((line) => /line \d+: [\w.]+/.exec(line)?.[0])).toEqual([
      'line 3: rules.0.max_duration',
      'line 4: rules.1.name',
      'line 5: rules.1.persons',
    ]);
    expect(refusal({ 'policy.yml': 'rules: [\n' })).toMatch(/not valid YAML: .* at line 2/);
  });

  it('has no lease under which sessions begin only to end', () => {
    const lease = 'lease_new_seconds: 60, lease_live_seconds: 30';
    const file = GOOD['daypass.yml'].replace('gateway: {', `gateway: { ${lease},`);
    expect(refusal({ 'daypass.yml': file })).toMatch(
      /gateway\.lease_live_seconds: must not be shorter than lease_new_seconds/,
    );
  });

  it('names every wrong or missing setting at once, each with an example', () => {
    const message = refusal({
      'daypass.yml': 'site: Acme!\ngateway: { workers: two }\nslack: { security_channel: 7 }\n',
    });
    expect(message).toMatch(/site: .*for example "acme"/);
    expect(message).toMatch(/data_dir: missing; for example "\.\/data"/);
    expect(message).toMatch(/gateway\.workers: .*for example 2/);
    expect(message).toMatch(/gateway\.public_host: missing; for example "ssh\.example\.com"/);
    expect(message).toMatch(/slack\.security_channel: .*for example "C0123456789"/);
  });

  it('has an example for what lies in a list, and for what holds other settings', () => {
    const [, rest = ''] = GOOD['daypass.yml'].split(/(?=gateway)/);
    const message = refusal({
      'daypass.yml': `recordings: { recipients: [age1x], retention: 90, kept: P1D }\n${rest.replace('C0', '')}`,
    });
    expect(message).toMatch(/recordings\.recipients\.0: .*; for example "age1/);
    expect(message).toMatch(/recordings\.retention: .*; for example "P90D"/);
    expect(message).toContain('recordings.kept: unknown setting; the settings here are recipients, retention');
    const least = GOOD['daypass.yml'].replace(/gateway.*\n|slack.*\n/g, '');
    expect(refusal({ 'daypass.yml': `${least}slack: x\n` })).toMatch(
      /gateway: missing; for example {"public_host":"ssh\.example\.com"}\n.*slack: .*; for example {"security_channel":"C0123456789"}/,
    );
    expect(refusal({ 'policy.yml': '' })).toContain('"rules":[{"name":"one reviewer approves","max_duration":"PT8H"}]');
    const labels = GOOD['targets.yml'].replace('name: Web', 'name: Web, labels: { env: 1 }');
    expect(refusal({ 'targets.yml': labels })).toMatch(/targets\.0\.labels\.env: .*; for example "production"/);
  });

  it.each(['300.1.1.1', '192.0.2.10/33', '192.0.2.10/24', '1.2.3', 'fe80::1::2', '192.0.2.1,192.0.2.2'])(
    'refuses %j as the address that certificates are bound to: every target would',
    (address) => {
      const file = GOOD['daypass.yml'].replace('gateway: {', `gateway: { source_address: "${address}",`);
      expect(refusal({ 'daypass.yml': file })).toMatch(
        /gateway\.source_address: must be an IP address or a CIDR range/,
      );
    },
  );

  it.each(['192.0.2.10', '192.0.2.0/24', '2001:db8::1', '2001:db8::/32'])('takes %j as that address', (address) => {
    const file = GOOD['daypass.yml'].replace('gateway: {', `gateway: { source_address: "${address}",`);
    expect(loadConfig(folderWith({ 'daypass.yml': file })).gateway.source_address).toBe(address);
  });

  it.each([
    "'",
    '"',
    '$(id)',
    '`id`',
    'a b',
    'a\\nProxyCommand id',
    '%h',
    ';id',
    '-oProxyCommand',
    '~',
    '*',
    'a|b',
    '\\u0000',
  ])('refuses %j in a name that contractors’ ssh_config holds', (hostile) => {
    const daypass = GOOD['daypass.yml'];
    const quoted = hostile.startsWith('"') ? `'${hostile}'` : `"${hostile}"`;
    expect(refusal({ 'daypass.yml': daypass.replace('site: acme', `site: ${quoted}`) })).toMatch(/^.*site: /m);
    const host = daypass.replace('ssh.example.com', quoted);
    expect(refusal({ 'daypass.yml': host })).toMatch(/gateway\.public_host: /);
    const target = GOOD['targets.yml'];
    expect(refusal({ 'targets.yml': target.replace('web-01', quoted) })).toMatch(/targets\.0\.id: /);
    expect(refusal({ 'targets.yml': target.replace('[deploy]', `[${quoted}]`) })).toMatch(/targets\.0\.logins/);
  });

  it('refuses a target id that is used twice, a scope that is not enforced, and a file that is not YAML', () => {
    const twice = `targets:\n${'  - { id: a, name: A, address: h, host_keys: ["ssh-ed25519 AAAA"], logins: [x] }\n'.repeat(2)}`;
    expect(refusal({ 'targets.yml': twice })).toContain('the id a is used twice');
    expect(refusal({ 'policy.yml': 'rules: [{ name: x, max_duration: 4h }]\n' })).toContain('rules.0.max_duration');
    const unenforced = 'rules: [{ name: x, scopes: ["exec:x"], max_duration: PT1H }]\n';
    expect(refusal({ 'policy.yml': unenforced })).toContain(
      'rules.0.scopes: exec:x is not a scope; the scopes are shell, files-ro, files-rw, ide; for example ["files-rw"]',
    );
    expect(refusal({ 'policy.yml': 'rules: [' })).toContain('not valid YAML');
  });

  it('says which file is missing and what writes one', () => {
    const file = folderWith();
    rmSync(join(file, '..', 'policy.yml'));
    expect(() => loadConfig(file)).toThrow(
      /policy\.yml cannot be used:\n.*ENOENT.*\. [Rr]un `daypass init` to create one/s,
    );
    rmSync(file);
    expect(() => loadConfig(file)).toThrow(
      /daypass\.yml cannot be used:\n.*--config <file>, or run `daypass init` to create one/s,
    );
  });
});

describeAsRoot('a file that control may not read', () => {
  it('is named with the account and what lets it', () => {
    // The tests' own folder lets nobody else in.
    const file = folderWith({}, '/tmp');
    chmodSync(dirname(file), 0o755);
    chmodSync(join(file, '..', 'policy.yml'), 0o600);
    process.seteuid?.(65_534);
    try {
      expect(() => loadConfig(file)).toThrow(
        /policy\.yml cannot be used:\n.*account 65534 may not read it.*chmod 0640/s,
      );
    } finally {
      process.seteuid?.(0);
    }
  });
});

describe('slack.transport', () => {
  const slack = (more: string): Partial<typeof GOOD> => ({
    'daypass.yml': GOOD['daypass.yml'].replace('C0123456789 }', `C0123456789${more} }`),
  });

  it.each([
    [', transport: http', /slack\.http: missing: `transport: http` needs the port.*for example \{"port":3000\}/],
    [
      ', http: { port: 3000 }',
      /slack\.transport: must be http for slack\.http to be used; set it, or remove slack\.http/,
    ],
    [', transport: http, http: { port: 0 }', /slack\.http\.port/],
    [
      ', transport: http, http: { port: 3000, path: slack }',
      /slack\.http\.path: must be a path such as \/slack\/events/,
    ],
    [', transport: http, http: { port: 3000, path: /a/../b }', /slack\.http\.path: must be a path/],
    [', transport: http, http: { port: 3000, host: "a b" }', /slack\.http\.host: must be an IP address or a host name/],
    [', transport: rtm', /slack\.transport/],
  ])('%s is refused, with what to do', (more, said) => {
    expect(refusal(slack(more))).toMatch(said);
  });

  it('is Socket Mode unless it is set, and HTTP stays on loopback unless that is', () => {
    expect(loadConfig(folderWith()).slack).toMatchObject({ transport: 'socket' });
    const { http } = loadConfig(folderWith(slack(', transport: http, http: { port: 3000 }'))).slack;
    expect(http).toEqual({ host: '127.0.0.1', port: 3000, path: '/slack/events' });
  });
});

describe('the secrets', () => {
  const SIGNING = 'a'.repeat(32);
  const place = { host: '127.0.0.1', port: 3000, path: '/slack/events' };
  const socket: { slack: Config['slack'] } = {
    slack: { security_channel: 'C1', security_users: [], transport: 'socket' },
  };
  const http: typeof socket = { slack: { ...socket.slack, transport: 'http', http: place } };

  it('are named where the environment lacks them, and never printed', () => {
    expect(() => loadSecrets({}, socket)).toThrow(/SLACK_BOT_TOKEN: missing.*\n.*SLACK_APP_TOKEN: missing.*xapp-/);
    expect(() => loadSecrets({}, http)).toThrow(/SLACK_BOT_TOKEN: missing.*\n.*SLACK_SIGNING_SECRET: missing/);
    try {
      loadSecrets({ SLACK_BOT_TOKEN: 'hunter2-secret', SLACK_APP_TOKEN: 'xapp-1' }, socket);
      expect.unreachable();
    } catch (error) {
      expect(String(error)).toContain('SLACK_BOT_TOKEN');
      expect(String(error)).not.toContain('hunter2');
    }
  });

  it('are those of the transport alone', () => {
    const common = { SLACK_BOT_TOKEN: 'xoxb-1' };
    const tokens = { botToken: 'xoxb-1', databaseUrl: null };
    const kept = loadSecrets({ ...common, SLACK_SIGNING_SECRET: SIGNING }, http);
    expect(kept).toEqual({ ...tokens, slackTransport: { kind: 'http', signingSecret: SIGNING, ...place } });
    const open = loadSecrets({ ...common, SLACK_APP_TOKEN: 'xapp-1' }, socket);
    expect(open).toEqual({ ...tokens, slackTransport: { kind: 'socket', appToken: 'xapp-1' } });
    expect(() => loadSecrets({ ...common, SLACK_APP_TOKEN: 'xapp-1' }, http)).toThrow(/SLACK_SIGNING_SECRET: missing/);
    expect(() => loadSecrets({ ...common, SLACK_SIGNING_SECRET: SIGNING }, socket)).toThrow(/SLACK_APP_TOKEN: missing/);
  });

  it.each(['', 'short', `${SIGNING}\n`, `"${SIGNING}"`])('refuse %j as a signing secret', (secret) => {
    const environment = { SLACK_BOT_TOKEN: 'xoxb-1', SLACK_SIGNING_SECRET: secret };
    expect(() => loadSecrets(environment, http)).toThrow(/SLACK_SIGNING_SECRET: must be the app’s signing secret/);
  });
});
