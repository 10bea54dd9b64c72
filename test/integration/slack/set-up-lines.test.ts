import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { setUpCommand } from '../../../src/access/ssh-config.ts';
import { clientConfig, setUpScript } from '../../../src/gateway/words/client-config.ts';
import { accessFiles, installLines } from '../../../src/slack/messages/access-files.ts';
import { knownHostsCommand, knownHostsLine } from '../../../src/slack/words/gateway-facts.ts';
import { type TestFolder, testFolder } from '../../support/checks/folder.ts';
import { fingerprint, grant } from '../../support/samples/samples.ts';
import { certificate, key } from '../../support/worlds/world.ts';

/** The lines that people paste, in the shells that they have, on machines as they find them. */

const SHELLS = {
  sh: ['sh', '-c'],
  bash: ['bash', '--norc', '-c'],
  zsh: ['zsh', '-f', '-c'],
  fish: ['fish', '--no-config', '-c'],
  tcsh: ['tcsh', '-f', '-c'],
} as const;
const NAMES = Object.keys(SHELLS) as (keyof typeof SHELLS)[];

const FACTS = { site: 'acme', host: 'ssh.example.com', port: 2222, hostKey: 'ssh-ed25519 AAAAHOST' };
const OWNER = { publicKey: 'ssh-ed25519 AAAAMINE' };
const GATEWAY = { ...FACTS, hostKeyLine: FACTS.hostKey };
const GRANT = grant(1);
const OWN = 'Host github.com\n  User git';

let folder: TestFolder;
let home: string;
let bin: string;
beforeEach(() => {
  folder = testFolder();
  home = join(folder.path, 'first last');
  bin = join(folder.path, 'bin');
  for (const each of [home, bin]) mkdirSync(each);
});
afterEach(() => folder[Symbol.dispose]());

/** What `ssh` says on this machine, and how it ends. */
function sshSays(stdout: string, code = 0): void {
  writeFileSync(join(folder.path, 'said'), stdout);
  const quoted = `'${join(folder.path, 'said')}'`;
  writeFileSync(join(bin, 'ssh'), `#!/bin/sh\ncat ${quoted}\nexit ${code}\n`, { mode: 0o755 });
}

function paste(shell: keyof typeof SHELLS, line: string, umask = 0o022): void {
  const [program, ...args] = SHELLS[shell];
  const masked = ['-c', `umask ${umask.toString(8)}; exec "$@"`, 'sh', program, ...args, line];
  const { status, stderr } = spawnSync('sh', masked, {
    encoding: 'utf8',
    env: { HOME: home, PATH: `${bin}:${process.env['PATH']}` },
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
}

const config = (): string => join(home, '.ssh', 'config');
const own = (text: string, mode = 0o600): void => {
  mkdirSync(join(home, '.ssh'), { mode: 0o700 });
  writeFileSync(config(), text, { mode });
  chmodSync(config(), mode);
};

/** A machine before, and what has to be left of it besides our line. */
const STATES: Record<string, { readonly umask?: number; readonly make: () => string }> = {
  'without any ssh': { make: () => '' },
  'without any ssh, umask 002': { umask: 0o002, make: () => '' },
  'with a config that lacks its last newline, umask 002': {
    umask: 0o002,
    make: () => {
      own(OWN);
      return OWN;
    },
  },
  'with a config, umask 077': {
    umask: 0o077,
    make: () => {
      own(`${OWN}\n`, 0o644);
      return `${OWN}\n`;
    },
  },
  'with a config that others may write to, which ssh refuses': {
    make: () => {
      own(`${OWN}\n`, 0o664);
      return `${OWN}\n`;
    },
  },
  'with a config that is a link': {
    make: () => {
      mkdirSync(join(home, '.ssh'), { mode: 0o700 });
      writeFileSync(join(home, 'dotfile'), OWN, { mode: 0o600 });
      symlinkSync('../dotfile', config());
      return OWN;
    },
  },
};

/** Pastes it twice, and looks at what ssh will read. */
function expectIncluded(shell: keyof typeof SHELLS, line: string, state: keyof typeof STATES, again = () => {}): void {
  const { umask, make } = STATES[state] ?? { make: () => '' };
  const before = make();
  const isLink = existsSync(config()) && lstatSync(config()).isSymbolicLink();
  for (let round = 0; round < 2; round += 1) {
    again();
    paste(shell, line, umask);
    expect(readFileSync(config(), 'utf8')).toBe(`Include daypass/*.conf\n\n${before}`);
    expect(statSync(config()).mode & 0o022).toBe(0);
    expect(lstatSync(config()).isSymbolicLink()).toBe(isLink);
    for (const name of readdirSync(join(home, '.ssh', 'daypass')))
      expect(statSync(join(home, '.ssh', 'daypass', name)).mode & 0o077).toBe(0);
  }
}

const rows = NAMES.flatMap((shell) => Object.keys(STATES).map((state) => [shell, state] as const));

describe('the line that registering a key shows', () => {
  it.each(rows)('in %s, %s, sets ssh up, once', (shell, state) => {
    sshSays(setUpScript(FACTS, OWNER));
    expectIncluded(shell, setUpCommand(FACTS), state);
    const ours = join(home, '.ssh', 'daypass');
    expect(readdirSync(ours).sort()).toEqual(['acme.conf', 'acme.known_hosts']);
    expect(readFileSync(join(ours, 'acme.conf'), 'utf8')).toBe(clientConfig(FACTS, OWNER));
    expect(readFileSync(join(ours, 'acme.known_hosts'), 'utf8')).toBe('acme.daypass ssh-ed25519 AAAAHOST\n');
  });

  const identity = (): string | undefined =>
    /^ {2}IdentityFile (.*)$/m.exec(readFileSync(join(home, '.ssh', 'daypass', 'acme.conf'), 'utf8'))?.[1];

  it('names the key that was registered, wherever in ~/.ssh it lies', () => {
    own('');
    sshSays(setUpScript(FACTS, OWNER));
    for (const [name, line] of [
      ['id_ed25519.pub', 'ssh-ed25519 AAAAOTHER me'],
      ['work.key.pub', 'ssh-ed25519 AAAAMINE me'],
      ['work.key-cert.pub', 'ssh-ed25519 AAAAMINE'],
    ] as const)
      writeFileSync(join(home, '.ssh', name), `${line}\n`);
    paste('sh', setUpCommand(FACTS));
    expect(identity()).toBe('~/.ssh/work.key.pub');
    writeFileSync(join(home, '.ssh', 'work.key'), 'private');
    paste('sh', setUpCommand(FACTS));
    expect(identity()).toBe('~/.ssh/work.key');
  });

  it('runs nothing that stands in the place of the key', () => {
    const ran = join(home, 'ran');
    sshSays(setUpScript(FACTS, { publicKey: `ssh-ed25519 AAAA';touch\t'${ran}';'` }));
    paste('sh', setUpCommand(FACTS));
    expect(existsSync(ran)).toBe(false);
    expect(identity()).toBe('~/.ssh/id_ed25519');
  });

  it('includes ours before any Host, where it stood behind one', () => {
    own('Host x\nInclude daypass/*.conf\n');
    sshSays(setUpScript(FACTS, OWNER));
    paste('sh', setUpCommand(FACTS));
    expect(readFileSync(config(), 'utf8')).toBe('Include daypass/*.conf\n\nHost x\nInclude daypass/*.conf\n');
  });

  it('does nothing where only a part of it has come', () => {
    const whole = setUpScript(FACTS, OWNER);
    for (let cut = 1; cut < whole.length - 'set_up\n'.length; cut += 97) {
      spawnSync('sh', { input: whole.slice(0, cut), env: { HOME: home, PATH: process.env['PATH'] } });
      expect(readdirSync(home)).toEqual([]);
    }
  });
});

describe('the line that installs the files of one access', () => {
  it.each(rows)('in %s, %s, installs them', (shell, state) => {
    const files = accessFiles(GRANT, [{ ...certificate(1), fingerprint: fingerprint(1) }], [key(1)], GATEWAY);
    const download = (): void => {
      mkdirSync(join(home, 'Downloads'), { recursive: true });
      for (const { name, content } of files) writeFileSync(join(home, 'Downloads', name), content, { mode: 0o600 });
    };
    const [line = '', ...more] = installLines(GRANT, []);
    expect(more).toEqual([]);
    let round = 0;
    expectIncluded(shell, line, state, () => {
      // Pasted once more without anything new.
      if (round++ === 0) download();
    });
    expect(readdirSync(join(home, '.ssh', 'daypass')).sort()).toEqual(files.map(({ name }) => name).sort());
  });
});

describe('the line that has ssh know the gateway', () => {
  const LINE = knownHostsLine(GATEWAY);
  const known = (): string => join(home, '.ssh', 'known_hosts');
  const other = 'github.com ssh-ed25519 AAAAOTHER';

  it.each(NAMES)('in %s adds it once, and spoils nothing that is there', (shell) => {
    for (let round = 0; round < 2; round += 1) {
      paste(shell, knownHostsCommand(GATEWAY), 0o002);
      expect(readFileSync(known(), 'utf8')).toBe(`${LINE}\n`);
      expect(statSync(join(home, '.ssh')).mode & 0o777).toBe(0o700);
    }
    for (const [before, after] of [
      [other, `${other}\n${LINE}\n`],
      [`${other}\n`, `${other}\n${LINE}\n`],
      // Where it is already, it has nothing to add.
      [`${LINE}\n${other}`, `${LINE}\n${other}`],
    ] as const) {
      writeFileSync(known(), before);
      for (let round = 0; round < 2; round += 1) paste(shell, knownHostsCommand(GATEWAY));
      expect(readFileSync(known(), 'utf8')).toBe(after);
    }
  });
});

describe('what ssh runs before a connection', () => {
  const fetch = (): string => /^"Match" host \S+ exec "([^"]*)"$/m.exec(clientConfig(FACTS, OWNER))?.[1] ?? '';
  const ours = (): string => join(home, '.ssh', 'daypass');
  const run = (shell: keyof typeof SHELLS): void => {
    const [program, ...args] = SHELLS[shell];
    spawnSync(program, [...args, fetch()], { env: { HOME: home, PATH: `${bin}:${process.env['PATH']}` } });
  };

  it.each(NAMES)('in %s brings the certificate, keeps it where there is no other, and leaves nothing else', (shell) => {
    mkdirSync(ours(), { recursive: true });
    sshSays('ssh-ed25519-cert-v01@openssh.com AAAA\n');
    run(shell);
    expect(readdirSync(ours())).toEqual(['acme-cert.pub']);
    sshSays('', 1);
    run(shell);
    expect(readdirSync(ours())).toEqual(['acme-cert.pub']);
    expect(readFileSync(join(ours(), 'acme-cert.pub'), 'utf8')).toBe('ssh-ed25519-cert-v01@openssh.com AAAA\n');
    expect(statSync(join(ours(), 'acme-cert.pub')).mode & 0o077).toBe(0);
  });
});
