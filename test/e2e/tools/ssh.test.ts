import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256Of, ssh, sshClient, sshTerminal, WAYS } from '../../support/peers/gateway-client.ts';
import {
  channelsOf,
  FILES_ONLY,
  MIB,
  observing,
  refusalsOf,
  routeOf,
  sha256,
  sshCommand,
} from '../../support/peers/gateway-tools.ts';
import { run } from '../../support/peers/processes.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

/** ssh itself, flag by flag. Relayed bytes are gateway-relay's, tunnels gateway-tunnels'. */

let world: GatewayWorld;
beforeAll(async () => {
  world = await GatewayWorld.start();
});
afterAll(() => world?.[Symbol.asyncDispose]());

describe.each(WAYS)('by way of %s', (way) => {
  it('the record of a command says who took which way, and what passed', async () => {
    const stdin = randomBytes(10 * MIB);
    const { outcome, reports } = await observing(world, () =>
      ssh(world, [way, 'cat >/dev/null; echo out; echo err >&2; exit 4'], { stdin }),
    );
    expect(outcome).toMatchObject({ code: 4, stdout: 'out\n', stderr: 'err\n' });
    expect(reports).toMatchObject([{ ending: { how: 'closed' }, refusals: [] }]);
    expect(channelsOf(reports)).toMatchObject([
      {
        ...{ kind: 'exec', command: 'cat >/dev/null; echo out; echo err >&2; exit 4', pty: false, label: 'command' },
        ...{ bytesFromClient: stdin.length, bytesToClient: 8, exit: { kind: 'status', code: 4 }, destination: null },
        ...{ stdinSha256: sha256(stdin), stdoutSha256: sha256('out\n'), stderrSha256: sha256('err\n') },
      },
    ]);
    const id = world.control.sessions.at(-1);
    if (!id) throw new Error('no session');
    const manifest = world.manifest(id);
    expect(manifest).toMatchObject({
      via: routeOf(way),
      state: 'closed',
      target: { id: 'web-01' },
      login: world.login,
    });
    expect(manifest.channels).toMatchObject([
      { kind: 'exec', stdinSha256: sha256(stdin), stdoutSha256: sha256('out\n') },
    ]);
  });

  it('a long stderr arrives whole, and its digest is in the record', async () => {
    const { outcome, reports } = await observing(world, () =>
      ssh(world, [way, `seq 1 10000000 | head -c ${5 * MIB} >&2; exit 2`]),
    );
    expect({ code: outcome.code, stdout: outcome.stdout, bytes: outcome.stderr.length }).toEqual({
      ...{ code: 2, stdout: '', bytes: 5 * MIB },
    });
    expect(channelsOf(reports)).toMatchObject([{ stderrSha256: sha256(outcome.stderr), bytesToClient: 5 * MIB }]);
  });

  it('-T gives a shell without a terminal, which reads its commands', async () => {
    const { outcome, reports } = await observing(world, () =>
      ssh(world, ['-T', way], { stdin: 'tty; echo "in $((40 + 2))"; exit 6\n' }),
    );
    expect(outcome.code).toBe(6);
    expect(outcome.stdout).toMatch(/not a tty[\s\S]*in 42/);
    expect(channelsOf(reports)).toMatchObject([{ kind: 'shell', command: null, pty: false }]);
  });

  it('-t gives a command a terminal', async () => {
    using terminal = sshTerminal(world, ['-t', way, 'tty; stty -echo; read line; echo "got $line"; exit 3']);
    await terminal.shows(/\/dev\/pts\/\d+/);
    terminal.type('typed\r');
    await terminal.shows(/got typed/);
    expect(await terminal.exited()).toBe(3);
    const id = await world.control.session(world.control.sessions.length - 1);
    const { report } = await world.control.closing(id);
    expect(report.channels).toMatchObject([
      { kind: 'exec', pty: true, label: 'terminal', coverage: 'full', exit: { kind: 'status', code: 3 } },
    ]);
  });

  it('-tt gives one even where the client has none', async () => {
    const { code, stdout } = await ssh(world, ['-tt', way, 'tty; exit 5']);
    expect(code).toBe(5);
    expect(stdout).toMatch(/\/dev\/pts\/\d+/);
  });

  it('-N asks for no channel, lives until it is ended, and is a session without channels', async () => {
    const next = world.control.sessions.length;
    await using client = sshClient(world, ['-N', way]);
    const id = await world.control.openedSession(next);
    client.child.kill();
    const { report } = await world.control.closing(id);
    expect(report).toEqual(expect.objectContaining({ ending: { how: 'closed' }, channels: [], refusals: [] }));
  });

  it('~. leaves, and the program on the target hears of it', async () => {
    using terminal = sshTerminal(world, ['-tt', way, 'echo ready; cat']);
    await terminal.shows(/ready/);
    terminal.type('\r~.');
    expect(await terminal.exited()).toBe(255);
    const id = await world.control.session(world.control.sessions.length - 1);
    expect((await world.control.closing(id)).report.ending).toEqual({ how: 'closed' });
  });

  it.each(['KILL', 'HUP', 'USR1'])('a command that SIG%s ends is recorded so', async (signal) => {
    const { outcome, reports } = await observing(world, () => ssh(world, [way, `kill -${signal} $$`]));
    expect(outcome.code).toBe(255);
    expect(channelsOf(reports)).toMatchObject([{ exit: { kind: 'signal', name: signal } }]);
  });

  it('ServerAlive is answered while nothing else passes', async () => {
    const alive = ['-o', 'ServerAliveInterval=1', '-o', 'ServerAliveCountMax=1'];
    const { outcome, reports } = await observing(world, () => ssh(world, [...alive, way, 'sleep 3; echo still']));
    expect(outcome).toMatchObject({ code: 0, stdout: 'still\n' });
    expect(refusalsOf(reports)).toEqual([]);
  });

  it('RekeyLimit=1M loses nothing while both directions are full', async () => {
    const bytes = randomBytes(12 * MIB);
    await using client = sshClient(world, ['-o', 'RekeyLimit=1M', way, 'cat']);
    client.child.stdin?.end(bytes);
    expect(await sha256Of(client.stdout)).toEqual({ bytes: bytes.length, sha256: sha256(bytes) });
    expect(await client.exited).toBe(0);
  });

  it('agent and X11 are refused with the way that works, and listed; the command runs', async () => {
    const agent = `exec ssh-agent sh -c '${sshCommand(world)} -o IdentityAgent=SSH_AUTH_SOCK -A ${way} "echo agent=\\$SSH_AUTH_SOCK"'`;
    const forwarded = await observing(world, () => run('sh', ['-c', agent]));
    expect(forwarded.outcome).toMatchObject({ code: 0, stdout: 'agent=\n' });
    expect(forwarded.outcome.stderr).toMatch(/daypass: agent forwarding \(-A\) is refused: .*ProxyJump/);
    expect(refusalsOf(forwarded.reports)).toEqual(['agent forwarding (-A) was refused']);
    for (const flag of ['-X', '-Y']) {
      const env = { DISPLAY: ':7', SSH_AUTH_SOCK: '' };
      const x11 = await observing(world, () => ssh(world, [flag, way, 'echo display=$DISPLAY'], { env }));
      expect(x11.outcome).toMatchObject({ code: 0, stdout: 'display=\n' });
      expect(x11.outcome.stderr).toMatch(/daypass: X11 forwarding \(-X\) is refused: .*display/);
      expect(refusalsOf(x11.reports)).toEqual(['X11 forwarding (-X) was refused']);
    }
  });

  it('LANG travels where the target accepts it, and nothing else is refused for it', async () => {
    const { outcome, reports } = await observing(world, () =>
      ssh(world, ['-o', 'SetEnv=LANG=C.UTF-8 OTHER=1', way, 'echo ok']),
    );
    expect(outcome).toMatchObject({ code: 0, stdout: 'ok\n', stderr: '' });
    expect(refusalsOf(reports)).toEqual([]);
  });
});

describe('a break', () => {
  let loud: GatewayWorld;
  beforeAll(async () => {
    // At DEBUG1 sshd says which requests reached it; its logins hear of some of that on stderr.
    loud = await GatewayWorld.start({ sshd: { extraConfig: 'LogLevel DEBUG1' } });
  });
  afterAll(() => loud?.[Symbol.asyncDispose]());

  it.each(WAYS)('~B on a terminal reaches the target as a break, by way of %s', async (way) => {
    using terminal = sshTerminal(loud, ['-tt', way, 'cat']);
    terminal.type('before\r');
    await terminal.shows(/before[\s\S]*before/);
    const seen = loud.sshd.log().split('req break').length;
    terminal.type('\r~B');
    await expect.poll(() => loud.sshd.log().split('req break').length, { timeout: 10_000 }).toBe(seen + 1);
    terminal.type('after\r\x04');
    await terminal.shows(/after[\s\S]*after/);
    expect(await terminal.exited()).toBe(0);
  });
});

describe('ProxyCommand', () => {
  it('with ssh -W in it leads where ProxyJump does', async () => {
    const options = ['-o', 'ProxyJump=none', '-o', `ProxyCommand=${sshCommand(world)} -W %h:%p gateway`];
    const { outcome, reports } = await observing(world, () =>
      ssh(world, [...options, 'web-01', 'cat'], { stdin: 'x' }),
    );
    expect(outcome).toMatchObject({ code: 0, stdout: 'x' });
    expect(channelsOf(reports)).toMatchObject([{ kind: 'exec', command: 'cat', bytesFromClient: 1 }]);
  });
});

describe.each(WAYS)('under files-rw, by way of %s', (way) => {
  let files: GatewayWorld;
  beforeAll(async () => {
    files = await GatewayWorld.start({ scopeName: 'files-rw' });
  });
  afterAll(() => files?.[Symbol.asyncDispose]());

  it.each([
    ['a command', [way, 'id'], FILES_ONLY],
    ['a shell', ['-T', way], /daypass: scope files-rw does not allow a shell/],
    ['another subsystem', ['-s', way, 'netconf'], /daypass: scope files-rw does not allow the subsystem netconf/],
  ] as const)('%s is refused with a sentence, an exit code, and a line in the list', async (_what, args, sentence) => {
    const { outcome, reports } = await observing(files, () => ssh(files, args));
    expect(outcome).toMatchObject({ code: 254, stdout: '' });
    expect(outcome.stderr).toMatch(sentence);
    expect(channelsOf(reports)).toEqual([]);
    expect(refusalsOf(reports).at(-1)).toMatch(/^scope files-rw does not allow/);
    expect(files.sshd.log()).not.toMatch(/Starting session/);
  });

  it('a terminal is refused, and ssh goes', async () => {
    const { outcome, reports } = await observing(files, () => ssh(files, ['-tt', way, 'id']));
    expect(outcome).toMatchObject({ code: 255, stdout: '' });
    expect(outcome.stderr).toMatch(/PTY allocation request failed/);
    expect(refusalsOf(reports)[0]).toMatch(/^scope files-rw does not allow a terminal/);
  });
});
