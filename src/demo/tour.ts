import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun, run } from './command.ts';
import { messagesOf, type People, type Seen, type SeenMessage } from './people.ts';
import { CHANNELS } from './workspace/seed.ts';

type Scene = {
  readonly folder: string;
  readonly say: (line: string) => void;
  /** When the demo began, in nanoseconds. */
  readonly begun: bigint;
};
type Button = { readonly type: 'button'; readonly text: { readonly text: string }; readonly action_id?: string };

/** Plays the story the way people would. Resolves with 0, or with 1 after naming the step that failed. */
export async function tour(people: People, scene: Scene): Promise<number> {
  const seconds = (): string => (Number(process.hrtime.bigint() - scene.begun) / 1e9).toFixed(2).padStart(5);
  const story = new Story(people, scene);
  scene.say(`[${seconds()} s] ✓ two targets, keys, a database and Daypass are running`);
  for (const [name, act] of story.steps()) {
    try {
      const more = await act();
      scene.say(`[${seconds()} s] ✓ ${name}${more ? `: ${more}` : ''}`);
    } catch (error) {
      scene.say(`[${seconds()} s] ✗ ${name}: ${error instanceof Error ? error.message : String(error)}`);
      await story.close();
      return 1;
    }
  }
  scene.say('\nThe thread, as the contractor sees it:\n');
  scene.say(await story.thread());
  scene.say(`\nTime from Approve to the direct message: ${story.approvals.map(rounded).join(' and ')}`);
  await story.close();
  return 0;
}

const rounded = (ms: number): string => `${ms.toFixed(0)} ms`;

type Step = readonly [string, () => Promise<string | undefined>];

/** What access that expires may last: the shortest in which this machine gets a session. */
export const TOUR_SECONDS = [3, 8, 20] as const;

class Story {
  readonly #people: People;
  readonly #home: string;
  readonly #key: string;
  /** Milliseconds from each Approve to its certificate. */
  readonly approvals: number[] = [];
  #live: Live | null = null;
  /** What it took to get from Approve to a session. */
  #sessionMs = 0;
  #granted: SeenMessage | null = null;

  constructor(people: People, { folder }: Scene) {
    this.#people = people;
    this.#home = join(folder, 'contractor');
    this.#key = join(this.#home, '.ssh', 'id_ed25519');
    mkdirSync(join(this.#home, '.ssh'), { recursive: true, mode: 0o700 });
    mkdirSync(join(this.#home, 'Downloads'), { mode: 0o700 });
  }

  *steps(): Generator<Step> {
    yield* [
      ['the contractor creates a key and registers it', () => this.#register()],
      ['the contractor requests access to web-01 for 15 minutes', () => this.#ask('15 minutes')],
      ['the manager approves, and the contractor sees what to type', () => this.#timed(() => this.#approve())],
      [
        '“Other ways in” sends files, which are installed as their message describes',
        () => this.#timed(() => this.#install()),
      ],
      ['ssh runs a command on web-01', () => this.#command()],
      ['ssh opens a shell with a terminal', () => this.#shell()],
      ['the thread shows a summary of the sessions', () => this.#summary()],
      ['a session is live, and the thread shows it', () => this.#timed(() => this.#begin())],
      ['the manager revokes access, and the live session ends', () => this.#revoke()],
      ['ssh is refused and shows why', () => this.#refused()],
    ] satisfies Step[];
    const enough = TOUR_SECONDS.find((seconds) => seconds * 1_000 > 2 * this.#sessionMs + 1_000) ?? 20;
    yield* [
      [`the contractor requests access again, for ${enough} seconds`, () => this.#ask(`${enough} seconds`)],
      ['the manager approves again', () => this.#approve()],
      ['the new files are installed', () => this.#install()],
      ['a session is live again', () => this.#begin()],
      ['access expires, and the live session ends', () => this.#expire()],
      ['security replays the terminal', () => this.#replay()],
    ] satisfies Step[];
  }

  async #timed<T>(act: () => Promise<T>): Promise<T> {
    const begun = performance.now();
    try {
      return await act();
    } finally {
      this.#sessionMs += performance.now() - begun;
    }
  }

  async thread(): Promise<string> {
    const seen = await this.#people.state('contractor');
    const root = seen.channels.flatMap((channel) => channel.messages).find((message) => message.replies.length > 0);
    const lines = root ? [root, ...root.replies].map((message) => message.plain) : [];
    return lines.map((text, index) => text.replace(/^/gm, index === 0 ? '  ' : '    ')).join('\n\n');
  }

  async close(): Promise<void> {
    await this.#live?.end();
  }

  async #register(): Promise<string> {
    await mustRun(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'contractor', '-f', this.#key]);
    await this.#people.act('contractor', 'commands', { channel: CHANNELS.engagement, text: '/access key' });
    const { plain } = await this.#people.message('contractor', /ssh register-/);
    const line = /ssh (register-\S+@\S+) -p (\d+)/.exec(plain);
    const known = /line="([^"]+)"/.exec(plain);
    if (!line?.[1] || !line[2] || !known?.[1]) throw new Error(`no registration command in: ${plain}`);
    const knownHosts = join(this.#home, '.ssh', 'known_hosts');
    writeFileSync(knownHosts, `${known[1]}\n`);
    const options = [
      '-F',
      'none',
      '-o',
      `UserKnownHostsFile=${knownHosts}`,
      '-o',
      'IdentitiesOnly=yes',
      '-i',
      this.#key,
    ];
    const out = await mustRun(['ssh', ...options, '-o', 'BatchMode=yes', '-p', line[2], line[1]]);
    await this.#people.message('contractor', /Your SSH key is registered/);
    return out.split(/\r?\n/)[0] ?? '';
  }

  async #ask(duration: string): Promise<string> {
    const seen = await this.#people.state('contractor');
    const root = messagesOf(seen).find((message) =>
      buttonsOf(message.blocks).some((each) => /^Request access/.test(each)),
    );
    if (!root) throw new Error('there is no message with a Request access button');
    await this.#people.act('contractor', 'clicks', { channel: root.channel, ts: root.ts, button: 'Request access' });
    await this.#people.until('contractor', 'the request form', ({ modal }) => modal);
    await this.#people.act('contractor', 'submissions', {
      values: {
        Targets: ['web-01'],
        Scope: 'shell',
        'Duration, starting at approval': duration,
        Why: 'Move the order database to the new disk',
        Ticket: 'OPS-1042',
      },
    });
    const { plain } = await this.#card();
    return plain.split('\n').slice(0, 2).join(' ');
  }

  /** The review card that still waits for the manager. */
  #card() {
    return this.#people.until('manager', 'a card with an Approve button', (seen) =>
      messagesOf(seen).findLast((message) => buttonsOf(message.blocks).includes('Approve')),
    );
  }

  async #approve(): Promise<string> {
    const told = ({ direct_messages: places }: Seen): SeenMessage[] =>
      places.flatMap(({ messages }) => messages.filter((message) => message.plain.startsWith('You have access')));
    const before = new Set(told(await this.#people.state('contractor')).map(({ ts }) => ts));
    const card = await this.#card();
    const begun = process.hrtime.bigint();
    await this.#people.act('manager', 'clicks', { channel: card.channel, ts: card.ts, button: 'Approve' });
    this.#granted = await this.#people.until('contractor', 'the access', (seen) =>
      told(seen).findLast(({ ts }) => !before.has(ts)),
    );
    const ms = Number(process.hrtime.bigint() - begun) / 1e6;
    this.approvals.push(ms);
    return `${rounded(ms)} from Approve to the direct message`;
  }

  /** Downloads the files of the message and runs its lines, with a folder of the tour instead of ~. */
  async #install(): Promise<string> {
    const granted = this.#granted;
    if (!granted) throw new Error('no access was granted');
    await this.#people.act('contractor', 'clicks', {
      ...{ channel: granted.channel, ts: granted.ts, button: 'Other ways in' },
    });
    const message = await this.#people.until('contractor', 'a message with files', (seen) =>
      messagesOf(seen).findLast((each) => each.files.length > 0 && Number(each.ts) > Number(granted.ts)),
    );
    for (const file of message.files) {
      writeFileSync(join(this.#home, 'Downloads', file.name), await this.#people.download(file.download));
    }
    const block = /```\n?([\s\S]*?)```/.exec(message.text)?.[1] ?? '';
    const lines = unescaped(block)
      .replaceAll('~/', `${this.#home}/`)
      .replaceAll('Include daypass/', `Include ${this.#home}/.ssh/daypass/`);
    await mustRun(['sh', '-e', '-c', lines]);
    for (const file of message.files) {
      if (!file.name.endsWith('.conf')) continue;
      const path = join(this.#home, '.ssh', 'daypass', file.name);
      writeFileSync(path, readFileSync(path, 'utf8').replaceAll('~/', `${this.#home}/`));
    }
    return message.files.map((file) => file.name).join(', ');
  }

  /** The recording of the shell: security's message names it, and its cast shows what the terminal showed. */
  async #replay(): Promise<string> {
    const { plain } = await this.#people.message('security', /Interactive shell[\s\S]*recordings export/);
    const id = /recordings export ([0-9a-f]{8})/.exec(plain)?.[1] ?? '';
    const answer = JSON.parse(await this.#people.download(`/personas/security/recordings/${id}`)) as {
      casts: readonly { cast: string }[];
    };
    const [cast] = answer.casts;
    const shown = /in a terminal: \/dev\/[\w/]+/.exec(cast?.cast ?? '');
    if (!shown) throw new Error(`the recording ${id} does not hold what the terminal showed`);
    return `“${shown[0]}”, decrypted with security’s key`;
  }

  get #ssh(): readonly string[] {
    return ['ssh', '-F', join(this.#home, '.ssh', 'config'), '-o', 'BatchMode=yes'];
  }

  async #command(): Promise<string> {
    const out = await mustRun([...this.#ssh, 'web-01.demo.daypass', 'echo hello from $(id -un)']);
    if (!out.startsWith('hello from ')) throw new Error(`unexpected output: ${out}`);
    return out.trim();
  }

  async #shell(): Promise<string> {
    const input = 'stty size; echo "in a terminal: $(tty)"; exit 0\n';
    const ran = await run([...this.#ssh, '-tt', 'web-01.demo.daypass'], { input });
    const line = /in a terminal: (\/dev\/\S+)/.exec(ran.out);
    if (ran.code !== 0 || !line?.[1]) throw new Error(`ended with ${ran.code}: ${ran.out}${ran.err}`);
    return line[1];
  }

  async #summary(): Promise<string> {
    const { plain } = await this.#people.message('contractor', /all ended[\s\S]*of shell, recorded[\s\S]*exit 0/);
    return plain.split('\n').findLast((line) => line.includes('Session ended')) ?? '';
  }

  async #begin(): Promise<undefined> {
    this.#live = await startLive([...this.#ssh, 'web-01.demo.daypass', 'echo up; exec cat']);
    await this.#people.message('manager', /Session started|, [1-9]\d* live:/);
    return undefined;
  }

  async #revoke(): Promise<string> {
    await this.#people.act('manager', 'commands', { channel: CHANNELS.engagement, text: '/access revoke' });
    const list = await this.#people.until('manager', 'a list of access to revoke', (seen) =>
      seen.ephemerals.findLast((each) => buttonsOf(each.blocks).some((label) => /^(Revoke|End)/.test(label))),
    );
    const label = buttonsOf(list.blocks).find((each) => /^(Revoke|End)/.test(each));
    await this.#people.act('manager', 'clicks', { channel: list.channel, ts: list.ts, button: label });
    await this.#people.until('manager', 'the form that asks why', ({ modal }) => modal);
    const begun = process.hrtime.bigint();
    await this.#people.act('manager', 'submissions', { values: { Why: 'The maintenance window is over' } });
    const said = await this.#ended();
    const ms = Number(process.hrtime.bigint() - begun) / 1e6;
    await this.#people.message('contractor', /Access ended[\s\S]*0 live sessions|0 live sessions/);
    return `${ms.toFixed(0)} ms from the click to the end of ssh: ${said}`;
  }

  async #refused(): Promise<string> {
    const ran = await run([...this.#ssh, 'web-01.demo.daypass', 'true']);
    const said = /daypass: (.*)/.exec(ran.err)?.[1];
    if (ran.code === 0 || !said) throw new Error(`ssh ended with ${ran.code}: ${ran.err}`);
    return said.trim();
  }

  async #expire(): Promise<string> {
    const said = await this.#ended();
    await this.#people.until('contractor', 'that this access ended too', (seen) => {
      const endings = messagesOf(seen).filter((message) => /0 live sessions/.test(message.plain));
      return endings.length >= 2 ? endings : null;
    });
    return said;
  }

  async #ended(): Promise<string> {
    if (!this.#live) throw new Error('no session is live');
    const said = await this.#live.ended;
    this.#live = null;
    // The last line: the first one is the banner.
    return [...said.matchAll(/daypass: (.*)/g)].at(-1)?.[1]?.trim() ?? 'without a message';
  }
}

type Live = { readonly ended: Promise<string>; end(): Promise<void> };

const LIVE_MS = 25_000;

/** Starts ssh and resolves once its first output has arrived. */
async function startLive([program = '', ...args]: readonly string[]): Promise<Live> {
  const child = spawn(program, args, { stdio: 'pipe', timeout: LIVE_MS, killSignal: 'SIGKILL' });
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const ended = new Promise<string>((resolve) => child.once('close', () => resolve(err)));
  const up = once(child.stdout, 'data').then(() => true);
  if (!(await Promise.race([up, ended.then(() => false)]))) throw new Error(`ssh ended before it began: ${err}`);
  child.stdout.resume();
  return {
    ended,
    async end() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Labels of the buttons of a message, wherever in a block they stand. */
function buttonsOf(blocks: unknown): string[] {
  if (Array.isArray(blocks)) return blocks.flatMap(buttonsOf);
  if (typeof blocks !== 'object' || blocks === null) return [];
  const { type, text } = blocks as Partial<Button>;
  const own = type === 'button' && typeof text?.text === 'string' ? [text.text] : [];
  return [...own, ...Object.values(blocks).flatMap((value) => (typeof value === 'object' ? buttonsOf(value) : []))];
}

const unescaped = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
