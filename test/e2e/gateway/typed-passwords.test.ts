import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FRAME } from '../../../src/recording/format/format.ts';
import { describeAsRoot } from '../../support/checks/root.ts';
import { sshTerminal } from '../../support/peers/gateway-client.ts';
import { run, runOk } from '../../support/peers/processes.ts';
import type { Terminal } from '../../support/peers/terminal.ts';
import { scope } from '../../support/samples/samples.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';
import { bytesOf, linesOf } from '../../support/worlds/recorded.ts';

/** An account of this machine for as long as the test runs; a run that was killed leaves its own to the next one. */
const PREFIX = 'daypass-typed-';
const ACCOUNT = `${PREFIX}${process.pid}`;
const SUDOERS = `/etc/sudoers.d/${ACCOUNT}`;
const PASSWORD = 'Zx9-canary-Qw7';
const WRONG = 'Zx8-canary-typo';

async function removeAccounts(): Promise<void> {
  for (const line of (await runOk('getent', ['passwd'])).split('\n')) {
    const [name = ''] = line.split(':');
    if (name.startsWith(PREFIX)) await run('userdel', [name]);
  }
  for (const name of readdirSync('/etc/sudoers.d')) if (name.startsWith(PREFIX)) rmSync(`/etc/sudoers.d/${name}`);
}

describeAsRoot('a password that a program of the system asks for', () => {
  let world: GatewayWorld;
  beforeAll(async () => {
    await removeAccounts();
    await runOk('useradd', ['--no-create-home', '--shell', '/bin/bash', ACCOUNT]);
    await runOk('chpasswd', [], { stdin: `${ACCOUNT}:${PASSWORD}\n` });
    writeFileSync(SUDOERS, `Defaults:${ACCOUNT} timestamp_timeout=0, lecture=never\n${ACCOUNT} ALL=(ALL) ALL\n`, {
      mode: 0o440,
    });
    world = await GatewayWorld.start({ scope: { ...scope('shell'), record_input: true } });
  });
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
    await removeAccounts();
  });

  /** A shell of that account, and what its recording then holds. */
  async function shell(talk: (terminal: Terminal) => Promise<void>) {
    const before = world.control.sessions.length;
    const { stdout } = await run('id', ['-g', ACCOUNT]);
    const account = `setpriv --reuid ${ACCOUNT} --regid ${stdout.trim()} --clear-groups`;
    {
      using terminal = sshTerminal(world, ['-tt', 'direct', `PS1='ready> ' exec ${account} bash --norc --noprofile`]);
      await terminal.shows(/ready> $/);
      await talk(terminal);
      terminal.type('exit\r');
      await terminal.exited();
    }
    const id = await world.control.session(before);
    await world.control.closing(id);
    const read = await world.read(id);
    const folder = world.recordingOf(id);
    const raw = readdirSync(folder).map((file) => readFileSync(join(folder, file)));
    return {
      typed: bytesOf(read, 0, FRAME.input).toString(),
      withheld: linesOf(read, FRAME.journal).filter(({ what }) => what === 'withheld'),
      everything: [
        ...raw,
        ...Object.values(FRAME).map((type) => bytesOf(read, 0, type)),
        ...read.frames.map((f) => f.payload),
      ],
    };
  }
  const say = async (terminal: Terminal, text: string, shows: RegExp): Promise<void> => {
    terminal.forget();
    terminal.type(`${text}\r`);
    await terminal.shows(shows);
  };
  const PROMPT = /\n[\s\S]*ready> $/;

  it.each([
    ['su', `su ${ACCOUNT} -c 'echo came'`, /Password: $/],
    ['sudo', 'sudo -n true; sudo echo came', /password for \S+: $/],
    ['sudo, with a prompt of its own', "sudo -p 'Colour? ' echo came", /Colour\? $/],
  ])('%s: it is in no recording, and what is typed before and after is', async (_name, command, asks) => {
    const { typed, withheld, everything } = await shell(async (terminal) => {
      await say(terminal, 'echo before', PROMPT);
      await say(terminal, command, asks);
      await say(terminal, PASSWORD, /came[\s\S]*ready> $/);
      await say(terminal, 'echo after', PROMPT);
    });
    expect(typed).toBe(`echo before\r${command}\recho after\rexit\r`);
    expect(withheld.map(({ bytes }) => bytes)).toEqual([PASSWORD.length + 1]);
    for (const bytes of everything) expect(bytes.includes('canary')).toBe(false);
  });

  it('nor is one that was wrong, where it is asked for again', async () => {
    const { typed, withheld, everything } = await shell(async (terminal) => {
      await say(terminal, 'sudo echo came', /password for \S+: $/);
      await say(terminal, WRONG, /again[\s\S]*password for \S+: $/);
      await say(terminal, PASSWORD, /came[\s\S]*ready> $/);
    });
    expect(typed).toBe('sudo echo came\rexit\r');
    expect(withheld.map(({ bytes }) => bytes)).toEqual([WRONG.length + 1, PASSWORD.length + 1]);
    for (const bytes of everything) expect(bytes.includes('canary')).toBe(false);
  });

  it('nor is one for which sudo shows a star for each key', async () => {
    const rules = readFileSync(SUDOERS, 'utf8');
    writeFileSync(SUDOERS, `Defaults:${ACCOUNT} pwfeedback\n${rules}`, { mode: 0o440 });
    const { typed, everything } = await shell(async (terminal) => {
      await say(terminal, 'sudo echo came', /password for \S+: $/);
      terminal.forget();
      for (const key of PASSWORD) terminal.type(key);
      await terminal.shows(/\*{14}$/);
      await say(terminal, '', /came[\s\S]*ready> $/);
    });
    expect(typed).toBe('sudo echo came\rexit\r');
    for (const bytes of everything) expect(bytes.includes('canary')).toBe(false);
  });
});
