import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { addMissingKeys, createKeys, loadKeys } from '../ca/keys.ts';
import { loadConfig, POLICY_FILE, TARGETS_FILE } from '../config/load.ts';
import { keysFolder } from '../config/places.ts';
import { actAsOwnerOf } from './as-owner.ts';
import { addRecipient, CONSOLE_KEY_FILE, consoleRecipient } from './console-key.ts';
import { print } from './output.ts';

const DAYPASS_YML = `# Daypass settings. docs/configuration.md describes each one; an unknown setting is refused at start.
site: example                      # clients use <target>.example.daypass
data_dir: ./data                   # keys, recordings, the embedded database
gateway:
  listen: 0.0.0.0:2222
  public_host: ssh.example.com     # what contractors type
recordings:
  recipients: []                   # who can read recordings: age recipients
slack:
  security_channel: C0123456789    # commands, addresses and file counts are posted here; file names are in recordings
  security_users: []               # Slack user ids that may end any access
`;

const TARGETS_YML = `# The hosts behind Daypass. \`daypass targets scan <address>\` prints the host_keys to pin.
targets: []
#  - id: web-01
#    name: Web server
#    address: 192.0.2.11
#    port: 22
#    host_keys: ["ssh-ed25519 AAAA…"]
#    labels: { env: production }
#    logins: [deploy]
`;

const POLICY_YML = `# For each target, the first rule that matches decides. If none matches, the request is refused. See docs/policy.md.
rules:
  - name: one reviewer approves
    approvals: 1
    max_duration: PT8H           # on targets with env: production, reviewers also sign with their SSH key (assurance)
durations: [PT15M, PT1H, PT4H, PT8H]
request_ttl: P1D
engagements:                       # nobody may until you name them, by Slack user id or user group
  openers: []                      # - { people: [U0123456789] }
  reviewers: { people: [] }        # the opener of an engagement does not review in it: name two people
`;

export function initCommand(program: Command): void {
  program
    .command('init')
    .description(
      'Write missing configuration files, and make the CA keys, the gateway host key and the key that reads recordings.',
    )
    .option('--add-missing-keys', 'make the keys that an earlier version did not have; existing keys are not changed')
    .action((options: { addMissingKeys?: boolean }) =>
      init(resolve(program.opts<{ config: string }>().config), options.addMissingKeys ?? false),
    );
}

async function init(file: string, isAdding: boolean): Promise<void> {
  mkdirSync(dirname(file), { recursive: true });
  const templates: [string, string][] = [
    [file, DAYPASS_YML],
    [join(dirname(file), TARGETS_FILE), TARGETS_YML],
    [join(dirname(file), POLICY_FILE), POLICY_YML],
  ];
  for (const [path, content] of templates) {
    if (existsSync(path)) print(`kept   ${path}`);
    else {
      writeFileSync(path, content, { flag: 'wx' });
      // They hold no secrets, and control reads them under an account of its own, whatever root's umask is.
      chmodSync(path, 0o644);
      print(`wrote  ${path}`);
    }
  }
  const config = loadConfig(file);
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  // Keys are their owner's. Where daypass.yml is still to be written, whoever runs this has to stay.
  if (config.recordings.recipients.length > 0) actAsOwnerOf(config.dataDir);
  const folder = keysFolder(config);
  if (existsSync(folder)) {
    if (isAdding) for (const name of addMissingKeys(folder)) print(`made   ${join(folder, name)}`);
    loadKeys(folder);
    print(`kept   ${folder}`);
  } else {
    createKeys(folder);
    print(`made   ${folder}: user CA, target CA, gateway host key, recording key, grant MAC key`);
  }
  if (config.recordings.recipients.length === 0) {
    const { recipient, isNew } = await consoleRecipient(folder);
    const path = join(folder, CONSOLE_KEY_FILE);
    if (isNew) print(`made   ${path}: reads recordings. Keep a copy off this host: without it nobody can read them`);
    addRecipient(file, readFileSync(file, 'utf8'), recipient);
    print(`wrote  its recipient to ${file}`);
  }
  print(`
Next:
  1. Edit the files above: site, public_host, targets, Slack channel.
     policy.yml: who may open engagements and who may review.
  2. For each target: daypass targets scan <address>, then follow the steps that daypass targets snippet <target> prints
  3. Create the Slack app from what daypass manifest prints, see docs/slack-setup.md
  4. daypass targets check <target>, then daypass serve --check
  5. To try it: SLACK_BOT_TOKEN=xoxb-… SLACK_APP_TOKEN=xapp-… daypass serve --insecure-single-user
     In production: two accounts and a systemd unit, see docs/operations.md (In production)`);
}
