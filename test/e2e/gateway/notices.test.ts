import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { FRAME } from '../../../src/recording/format/format.ts';
import { sftp, ssh, sshClient, sshTerminal, WAYS } from '../../support/peers/gateway-client.ts';
import { run } from '../../support/peers/processes.ts';
import { REVOKED } from '../../support/samples/samples.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';
import { linesOf } from '../../support/worlds/recorded.ts';

/** What Daypass says to people in their own terminal, and where it must not say it. */

const BY_MORGAN = { ...REVOKED, by: { kind: 'person', name: 'Morgan \u001b[31m\u202eReyes' } } as const;
const WARNING = /daypass: your access ends in a minute\. In Slack, open Daypass and press Extend\./;

let world: GatewayWorld;
const dispose = (): Promise<void> => world[Symbol.asyncDispose]();

describe.each(WAYS)('on a session by way of %s', (way) => {
  beforeAll(async () => {
    world = await GatewayWorld.start();
  });
  afterAll(dispose);

  it('a banner says that it is recorded, and stdout is the command’s alone', async () => {
    const { stdout, stderr, banner } = await ssh(world, [way, 'echo hello']);
    expect({ stdout, stderr }).toEqual({ stdout: 'hello\n', stderr: '' });
    expect(banner).toMatch(/^daypass: .* on web-01 \(Target web-01\), until .* UTC\. This session is recorded\.\r?\n$/);
  });

  it('the end of a full-screen program leaves the terminal usable, and says who ended it', async () => {
    const next = world.control.sessions.length;
    using terminal = sshTerminal(world, [way]);
    terminal.type(`printf '\\033[?1049h\\033[?25l'; echo drawn $((40 + 2)); cat\r`);
    await terminal.shows(/drawn 42/);
    const id = await world.control.openedSession(next);
    world.gateway.terminate([id], BY_MORGAN);
    expect(await terminal.exited()).toBe(255);
    const end = terminal.text.slice(terminal.text.lastIndexOf('drawn 42'));
    expect(end).toMatch(
      /\?1049l.*\?25h\r\ndaypass: ended: your access was revoked by Morgan \?\[31m\?Reyes\. Ask why in the engagement thread\.\r\n/s,
    );
  });

  it('a tmux in control mode is told in its own protocol, and its end is told to the person', async () => {
    const next = world.control.sessions.length;
    using terminal = sshTerminal(world, [way]);
    const socket = `daypass-${process.pid}-${way}`;
    try {
      terminal.type(`exec tmux -L ${socket} -f /dev/null -CC new-session 'exec cat'\r`);
      await terminal.shows(/%session-changed/);
      const id = await world.control.openedSession(next);
      const stop = world.gateway.watch(id, { isTold: true, see: () => {}, over: () => {} });
      await terminal.shows(/\n%message daypass: an operator is watching this session\.\r\n/);
      stop?.();
      const [, protocol = ''] = terminal.text.split('\u001bP1000p');
      const outside = protocol.replaceAll(/^%begin (.*?)\r\n.*?^%(?:end|error) \1\r\n/gms, '');
      expect(outside.split('\r\n').filter((line) => line !== '' && !line.startsWith('%'))).toEqual([]);
      world.gateway.terminate([id], BY_MORGAN);
      expect(await terminal.exited()).toBe(255);
      const [, left = ''] = terminal.text.split('%exit\r\n\u001b\\');
      expect(left).toMatch(/^[^%]*\r\ndaypass: ended: your access was revoked by Morgan/);
    } finally {
      await run('tmux', ['-L', socket, 'kill-server']);
    }
  });

  it('a command without a terminal reads of its end on stderr', async () => {
    await using client = sshClient(world, [way, 'echo out; cat']);
    await once(client.stdout, 'data');
    let more = '';
    client.stdout.setEncoding('utf8').on('data', (text: string) => {
      more += text;
    });
    world.gateway.terminate(world.control.sessions.slice(-1), BY_MORGAN);
    expect(await client.exited).toBe(255);
    expect(client.stderr()).toMatch(/daypass: ended: your access was revoked by Morgan/);
    expect(more).toBe('');
  });

  it('a connection without any channel is told as it is disconnected', async () => {
    const next = world.control.sessions.length;
    await using client = sshClient(world, ['-N', way]);
    const id = await world.control.openedSession(next);
    world.gateway.terminate([id], BY_MORGAN);
    expect(await client.exited).toBe(255);
    expect(client.stderr()).toMatch(/Received disconnect from .*daypass: ended: your access was revoked by Morgan/);
  });
});

describe('shortly before access ends', () => {
  afterEach(dispose);

  it('more time is told once, and stands in the recording with the grant that gave it', async () => {
    world = await GatewayWorld.start({ seconds: 600 });
    await using client = sshClient(world, ['web-01', 'echo in; cat']);
    await once(client.stdout, 'data');
    const id = await world.control.openedSession(0);
    world.grant('shell', 3_600);
    const later = world.control.grants.at(-1);
    if (!later) throw new Error('no grant');
    const { notAfter } = later.terms;
    for (let n = 0; n < 3; n += 1) world.gateway.extend(id, later);
    const notice = `daypass: your access was extended until ${notAfter.slice(0, 16).replace('T', ' ')} UTC. This session continues.\n`;
    await vi.waitFor(() => expect(client.stderr()).toContain(notice), 10_000);
    client.child.stdin?.end();
    expect(await client.exited).toBe(0);
    expect(client.stderr().split(notice)).toHaveLength(2);
    await world.control.closing(id);
    const journal = linesOf(await world.read(id), FRAME.journal).filter(({ what }) => what === 'extended');
    expect(journal).toMatchObject([{ grant: later.id, digest: later.digest, until: notAfter }]);
  });

  it('people at a prompt and in a full-screen program are told, and the program draws its screen again', async () => {
    world = await GatewayWorld.start({ seconds: 65 });
    using prompt = sshTerminal(world, ['direct']);
    using full = sshTerminal(world, ['web-01'], { columns: 80, rows: 20 });
    const program = `trap "echo drawn by \\$(stty size)" WINCH; printf "\\033[?1049h"; echo rea""dy; while :; do sleep 0.1; done`;
    full.type(`exec sh -c '${program}'\r`);
    await full.shows(/ready/);
    prompt.type('echo at $((40 + 2))\r');
    await prompt.shows(/at 42/);
    await prompt.shows(/\r\ndaypass: your access ends in a minute\. In Slack, open Daypass and press Extend\.\r\n/);
    const ESC = '\u001b';
    await full.shows(
      new RegExp(
        `${ESC}7${ESC}\\[20;1H${ESC}\\[0;7mdaypass: your access ends in a minute\\. In Slack, open Daypass and press Extend\\. +${ESC}\\[0m${ESC}8`,
      ),
    );
    await full.shows(/drawn by 19 80/);
    await full.shows(/drawn by 20 80/);
  });

  it('a command and a file transfer hear of it on stderr only', async () => {
    world = await GatewayWorld.start({ seconds: 63 });
    const [command, transfer] = await Promise.all([
      ssh(world, ['direct', 'sleep 6; echo done']),
      sftp(world, 'web-01', '!sleep 6\npwd\n'),
    ]);
    expect(command.stdout).toBe('done\n');
    expect(command.stderr).toMatch(WARNING);
    expect(transfer.stdout).not.toMatch(WARNING);
    expect(transfer.stderr).toMatch(WARNING);
    expect(transfer.code).toBe(0);
  });
});
