import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestFolder, testFolder } from '../../support/checks/folder.ts';
import { type KeyFile, makeKeyFile } from '../../support/peers/openssh.ts';
import { runOk } from '../../support/peers/processes.ts';
import { workspacePeople } from '../../support/peers/workspace-people.ts';
import { type DemoProcess, startDemo } from '../../support/worlds/demo-process.ts';
import { SetUp } from '../../support/worlds/self-service-world.ts';

/** `daypass serve` with its Slack app, gateway and targets, as three people and one who never goes back to Slack meet it. */
let demo: DemoProcess;
let people: ReturnType<typeof workspacePeople>;
let folder: TestFolder;
let home: string;
let key: KeyFile;
let gateway: { readonly address: string; readonly port: string };
let setUp: SetUp;

beforeAll(async () => {
  demo = await startDemo();
  people = workspacePeople(demo.url);
  folder = testFolder();
  home = join(folder.path, 'home', '.ssh');
  mkdirSync(join(home, 'daypass'), { recursive: true, mode: 0o700 });
  key = await makeKeyFile(home, 'ed25519', 'id_ed25519');
});
afterAll(async () => {
  await demo?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
});

const sees = (name: string, says: RegExp) => people.until(name, (seen) => people.message(seen, says));
const byHand = (): string[] => [
  ...['-F', 'none', '-i', key.path, '-o', 'IdentitiesOnly=yes', '-o', 'IdentityAgent=none'],
  ...['-o', `UserKnownHostsFile=${join(home, 'known_hosts')}`, '-p', gateway.port],
];

it('a key is registered with the line from Slack, and serves to ask the gateway at once', async () => {
  await people.act('contractor', 'commands', { channel: 'C0ENGAGE00', text: '/access key' });
  const { plain } = await sees('contractor', /ssh register-/);
  const [, code = '', address = '', port = ''] = /ssh (register-\S+)@(\S+) -p (\d+)/.exec(plain) ?? [];
  const [, known = ''] = /line="([^"]+)"/.exec(plain) ?? [];
  writeFileSync(join(home, 'known_hosts'), `${known}\n`);
  gateway = { address, port };
  const told = await runOk('ssh', [...byHand(), `${code}@${address}`]);
  expect(told).toMatch(/Your key is registered/);
  expect(told).toContain(`  ssh daypass@${address} -p ${port} setup | sh\r\n`);
  expect(await runOk('ssh', [...byHand(), `daypass@${address}`])).toMatch(/^You have no access at the moment/);
});

it('the contractor asks in Slack, sees at the gateway that it waits, and runs the line that registration showed', async () => {
  const root = await sees('contractor', /^Engagement|Acme migration/);
  await people.act('contractor', 'clicks', { channel: root.channel, ts: root.ts, button: 'Request access' });
  await people.until('contractor', ({ modal }) => modal);
  await people.act('contractor', 'submissions', {
    values: {
      ...{ Targets: ['web-01'], Scope: 'shell', 'Duration, starting at approval': '15 minutes' },
      ...{ Why: 'Move the order database', Ticket: 'OPS-1042' },
    },
  });
  const card = await sees('manager', /^Access request/);
  setUp = new SetUp(home, await runOk('ssh', [...byHand(), `daypass@${gateway.address}`, 'setup']));
  expect((await setUp.to(['demo.daypass', 'list'])).stdout).toMatch(/^waiting {2}[0-9a-f]{8} {2}web-01 as /m);
  await people.act('manager', 'clicks', { channel: card.channel, ts: card.ts, button: 'Approve' });
  const { plain } = await sees('contractor', /^You have access/);
  expect(plain).toContain(`ssh daypass@${gateway.address} -p ${gateway.port} setup | sh`);
});

it('the contractor goes in with what was set up before, hands back at the gateway, and the thread says so', async () => {
  const list = JSON.parse((await setUp.to(['demo.daypass', 'list', '--json'])).stdout);
  expect(list.grants).toMatchObject([{ targets: ['web-01'], scope: 'shell' }]);
  const { login } = list.grants[0];
  const to = 'web-01.demo.daypass';
  expect(await setUp.to([to, 'echo in as $(id -un)'])).toMatchObject({ code: 0, stdout: `in as ${login}\n` });

  const live = spawn('/usr/bin/ssh', ['-F', setUp.config, to, 'echo live; exec sleep 60'], { env: setUp.env });
  await once(live.stdout, 'data');
  const ended = once(live, 'exit').then(() => performance.now());
  const handed = await setUp.to(['demo.daypass', 'end']);
  const answered = performance.now();
  expect(handed.stdout).toMatch(/^Handed back [0-9a-f]{8}: web-01 as .*; 1 live session ends with it\n$/);
  expect((await ended) - answered).toBeLessThan(1_000);
  expect((await sees('manager', /Access ended, 0 live sessions/)).plain).toContain('handed back by Casey Lind');
  expect((await setUp.to([to, 'true'])).code).toBe(255);
  expect((await setUp.to(['demo.daypass'])).stdout).toMatch(/^You have no access at the moment/);
});
