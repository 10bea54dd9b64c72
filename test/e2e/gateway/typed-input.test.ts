import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FRAME } from '../../../src/recording/format/format.ts';
import { sshTerminal, WAYS, type Way } from '../../support/peers/gateway-client.ts';
import type { Terminal } from '../../support/peers/terminal.ts';
import { scope } from '../../support/samples/samples.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';
import { bytesOf, linesOf } from '../../support/worlds/recorded.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const CANARY = 'Zx9-canary-Qw7';
const PROMPT = /\n[\s\S]*ready> $/;
/** What readline says when a command begins. */
const STARTED = /\[\?2004l\r$/;
/** How vi ends what it draws: with the cursor shown again. */
const SETTLED = '\u001b\\[\\?25h';
const UP = '\u001b[A';
const LEFT = '\u001b[D';

describe('what is typed at a terminal', () => {
  let world: GatewayWorld;
  beforeAll(async () => {
    world = await GatewayWorld.start({ scope: { ...scope('shell'), record_input: true } });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  /** A bash of its own; `talk` is called when it has shown its first prompt. */
  async function bash(talk: (terminal: Terminal) => Promise<void>, way: Way = 'direct', from = world) {
    const before = from.control.sessions.length;
    {
      using terminal = sshTerminal(from, ['-tt', way, "PS1='ready> ' exec bash --norc --noprofile"]);
      await terminal.shows(/ready> $/);
      await talk(terminal);
      terminal.type('exit\r');
      await terminal.exited();
    }
    const id = await from.control.session(before);
    await from.control.closing(id);
    const read = await from.read(id);
    const journal = linesOf(read, FRAME.journal);
    return {
      id,
      typed: bytesOf(read, 0, FRAME.input).toString(),
      withheld: journal.filter(({ what }) => what === 'withheld').map(({ bytes }) => bytes),
      /** All that the recording holds in the clear, each kind of frame put together. */
      everything: [...Object.values(FRAME).map((type) => bytesOf(read, 0, type)), ...read.frames.map((f) => f.payload)],
    };
  }

  const line = async (terminal: Terminal, text: string, shows = PROMPT): Promise<void> => {
    terminal.forget();
    terminal.type(`${text}\r`);
    await terminal.shows(shows);
  };

  it.each(WAYS)('is recorded as far as it is shown, by way of %s', async (way) => {
    const { typed, withheld } = await bash((terminal) => line(terminal, 'echo visible'), way);
    expect(typed).toBe('echo visible\rexit\r');
    expect(withheld).toEqual([]);
  });

  it('is recorded with the keys that edit it, and in any alphabet', async () => {
    const { typed, withheld } = await bash(async (terminal) => {
      await line(terminal, 'echo äöü 漢字 😀', /\räöü 漢字 😀\r[\s\S]*ready> $/);
      terminal.forget();
      terminal.type('echo wrnog');
      await terminal.shows(/wrnog$/);
      for (const key of ['\u007f', '\u007f', '\u007f', 'o', 'n', 'g', LEFT, LEFT, LEFT, 'x']) {
        terminal.forget();
        terminal.type(key);
        await terminal.shows(/./);
      }
      await line(terminal, '', /\rwrxong\r[\s\S]*ready> $/);
      terminal.forget();
      terminal.type(UP);
      await terminal.shows(/wrxong/);
      await line(terminal, '', /\rwrxong\r[\s\S]*ready> $/);
    });
    expect(withheld).toEqual([]);
    expect(typed).toBe(`echo äöü 漢字 😀\recho wrnog\u007f\u007f\u007fong${LEFT}${LEFT}${LEFT}x\r${UP}\rexit\r`);
  });

  it('is recorded where Tab completed it, where the row was full, and where Ctrl-C ended it', async () => {
    const long = `echo ${'0123456789'.repeat(12)}`;
    const { typed, withheld } = await bash(async (terminal) => {
      terminal.type('cat /etc/os-rel');
      await terminal.shows(/os-rel$/);
      terminal.type('\t');
      await terminal.shows(/os-release $/);
      await line(terminal, '| wc -l');
      for (const key of long) {
        terminal.forget();
        terminal.type(key);
        await terminal.shows(/./);
      }
      await line(terminal, '');
      await line(terminal, long);
      terminal.type('sleep 60');
      await terminal.shows(/sleep 60$/);
      await line(terminal, '\u0003');
    });
    expect(withheld).toEqual([]);
    expect(typed).toBe(`cat /etc/os-rel\t| wc -l\r${long}\r${long}\rsleep 60\u0003\rexit\r`);
  });

  describe('does not enter the recording', () => {
    const secret = async (way: Way, talk: (terminal: Terminal) => Promise<void>) => {
      const spool = join(world.folder.path, 'spool');
      const seen = await bash(async (terminal) => {
        await talk(terminal);
        const files = readdirSync(spool, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
        expect(files.length).toBeGreaterThan(0);
        for (const file of files) expect(readFileSync(join(file.parentPath, file.name)).includes(CANARY)).toBe(false);
      }, way);
      const folder = world.recordingOf(seen.id);
      for (const file of readdirSync(folder)) expect(readFileSync(join(folder, file)).includes(CANARY)).toBe(false);
      expect(seen.everything.filter((bytes) => bytes.includes(CANARY))).toEqual([]);
      // The digest would let anybody try passwords against it.
      expect(world.manifest(seen.id).channels[0]?.stdinSha256).toBe(sha256(seen.typed));
      return seen;
    };
    /** Types it where it is asked for. */
    const answer = async (terminal: Terminal, command: string, prompt: RegExp, answers = [`${CANARY}\r`]) => {
      await line(terminal, command, prompt);
      terminal.forget();
      for (const each of answers) terminal.type(each);
      await terminal.shows(PROMPT);
    };

    it.each(WAYS)('where a program asks for it without echo, by way of %s', async (way) => {
      const asks = "read -r -s -p 'Colour? ' c; echo";
      const { typed, withheld } = await secret(way, (terminal) => answer(terminal, asks, /\nColour\? $|\rColour\? $/));
      expect(typed).toBe(`${asks}\rexit\r`);
      expect(withheld).toEqual([CANARY.length + 1]);
    });

    it('where the terminal was told not to echo, key by key and with mistakes taken back', async () => {
      const asks = "stty -echo; printf 'Colour? '; head -n 1 > /dev/null; stty echo; echo";
      const answers = [...CANARY.slice(0, 5), 'x', '\u007f', ...CANARY.slice(5), '\u0015', CANARY, '\r'];
      const { typed, withheld } = await secret('direct', async (terminal) => {
        await line(terminal, asks, /Colour\? $/);
        for (const each of answers) terminal.type(each);
        await terminal.shows(PROMPT);
      });
      expect(typed).toBe(`${asks}\rexit\r`);
      expect(withheld).toEqual([answers.join('').length]);
    });

    it('where a passphrase is set, twice', async () => {
      const asks = `ssh-keygen -q -t ed25519 -f ${join(world.folder.path, 'made')}`;
      const { typed, withheld } = await secret('direct', async (terminal) => {
        await line(terminal, asks, /passphrase\): $/);
        await line(terminal, CANARY, /again: $/);
        await line(terminal, CANARY);
      });
      expect(typed).toBe(`${asks}\rexit\r`);
      expect(withheld).toEqual([CANARY.length + 1, CANARY.length + 1]);
    });

    it('where masks are shown for it', async () => {
      const read = 'while IFS= read -r -s -n 1 k && [ -n "$k" ]; do printf "*"; done';
      const asks = `stty -echo; printf 'Colour? '; ${read}; stty echo; echo`;
      const { typed, withheld } = await secret('direct', async (terminal) => {
        await line(terminal, asks, /Colour\? $/);
        terminal.type(CANARY);
        await terminal.shows(/\*{14}$/);
        await line(terminal, '');
      });
      expect(typed).toBe(`${asks}\rexit\r`);
      expect(withheld).toEqual([CANARY.length + 1]);
    });

    it('where it was pasted together with the command that asks for it', async () => {
      const asks = 'read -r -s c; echo';
      const { typed, withheld } = await secret('web-01', async (terminal) => {
        terminal.forget();
        terminal.type(`${asks}\r${CANARY}`);
        await terminal.shows(STARTED);
        await line(terminal, '');
      });
      expect(typed).toBe(`${asks}\rexit\r`);
      expect(withheld).toEqual([CANARY.length + 1]);
    });

    it('where Ctrl-C ends the question', async () => {
      const { typed, withheld } = await secret('direct', (terminal) =>
        answer(terminal, "read -r -s -p 'Colour? ' c", /Colour\? $/, [CANARY, '\u0003']),
      );
      expect(typed).toBe("read -r -s -p 'Colour? ' c\rexit\r");
      expect(withheld).toEqual([CANARY.length + 1]);
    });

    it('where the question is in a window of tmux whose clock ticks', async () => {
      const socket = join(world.folder.path, 'tmux');
      const tmux = `tmux -f /dev/null -S ${socket}`;
      const options = 'set -g exit-unattached on \\; set -g status-interval 1 \\; set -g status-right %H:%M:%S';
      const { typed, withheld } = await secret('direct', async (terminal) => {
        // Where it is asked, not where the command line shows it.
        await line(terminal, `${tmux} new "read -r -s -p 'Colour? ' c" \\; ${options}`, /[^']Colour\?/);
        for (const some of ['Zx9-', 'canary', '-Qw7']) {
          terminal.forget();
          for (const key of some) terminal.type(key);
          // The clock.
          await terminal.shows(/\d/);
        }
        await line(terminal, '', /exited[\s\S]*ready> $/);
      });
      expect(typed).not.toMatch(/Zx9|ry-Q/);
      expect(withheld.length).toBeGreaterThan(0);
    });
  });

  it('in an editor and a pager is recorded where the screen shows it', async () => {
    const file = join(world.folder.path, 'edited');
    const { typed, withheld } = await bash(async (terminal) => {
      terminal.type(`vi -u NONE -N ${file}\r`);
      await terminal.shows(/\[New\]/);
      const press = async (key: string, shows: RegExp): Promise<void> => {
        terminal.forget();
        terminal.type(key);
        await terminal.shows(shows);
      };
      // Keys that come faster than it draws are drawn together, as something else.
      await press('i', new RegExp(`-- INSERT --.*${SETTLED}$`));
      for (const key of 'one\rtwo\rthree') await press(key, new RegExp(`${key === '\r' ? 'H' : key}${SETTLED}$`));
      await press('\u001b', /H$/);
      for (const key of ':wq') await press(key, new RegExp(key));
      await line(terminal, '');
      terminal.forget();
      terminal.type(`less ${file}\r`);
      await terminal.shows(/three[\s\S]*END/);
      terminal.forget();
      for (const key of '/tw') {
        terminal.type(key);
        await terminal.shows(new RegExp(key));
      }
      terminal.type('\r');
      await terminal.shows(/two/);
      terminal.type('q');
      await terminal.shows(/ready> $/);
    });
    expect(readFileSync(file, 'utf8')).toBe('one\ntwo\nthree\n');
    expect(typed).toBe(`vi -u NONE -N ${file}\rtwo\rthree\u001b:wq\rless ${file}\r/tw\rexit\r`);
    // The keys that are commands are not shown.
    expect(withheld).toEqual(['ione\r'.length, 'q'.length]);
  });

  it('is not recorded at all where the scope does not say so', async () => {
    await using other = await GatewayWorld.start();
    const { typed, withheld, everything } = await bash(
      async (terminal) => {
        await line(terminal, 'echo visible');
        await line(terminal, "read -r -s -p 'Colour? ' c; echo", /Colour\? $/);
        await line(terminal, CANARY);
      },
      'direct',
      other,
    );
    expect(typed).toBe('');
    expect(withheld).toEqual([]);
    expect(everything.filter((bytes) => bytes.includes(CANARY))).toEqual([]);
  });
});
