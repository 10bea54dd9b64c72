import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { isInstalled } from './command.ts';
import { type People, peopleOf } from './people.ts';
import { makeDatabase, type Product, type Served, serve, setUpProduct } from './product.ts';
import { replays } from './replays.ts';
import { freeMiB, tooLittleRoom, whyFailed } from './room.ts';
import { findSshd, givesTerminal, makeRootFolder } from './sshd.ts';
import { makeStateFolder } from './state-folder.ts';
import { startSweeper } from './sweeper.ts';
import { type DemoTarget, openTarget } from './targets.ts';
import { TOUR_SECONDS, tour } from './tour.ts';
import { CHANNELS } from './workspace/seed.ts';
import { startWorkspace, type Workspace } from './workspace/workspace.ts';

export type DemoOptions = {
  /** The command that runs `daypass`; what has to be made for it is made in the folder. */
  readonly cli: (folder: string, signal: AbortSignal) => Promise<readonly string[]>;
  readonly tour: boolean;
  /** 0 takes any free port. */
  readonly port: number;
  readonly out: Writable;
};

const NEEDED = ['ssh', 'ssh-keygen'] as const;
const TARGETS = [
  { id: 'web-01', name: 'Web server' },
  { id: 'db-01', name: 'Order database' },
] as const;
const DURATIONS = ['PT20S', 'PT15M', 'PT1H', 'PT4H'];
/** With short ones, so that the tour does not wait. */
const TOUR_DURATIONS = [...new Set([...TOUR_SECONDS.map((seconds) => `PT${seconds}S`), ...DURATIONS])];

const END_MS = 20_000;

type Say = (line: string) => void;

/** Runs the whole story on this machine. Resolves with the exit code once it has ended and nothing of it is left. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const say: Say = (line) => {
    options.out.write(`${line}\n`);
  };
  for (const program of NEEDED) {
    if (await isInstalled(program)) continue;
    say(`The demo needs ${program}, which is not installed. On Debian: apt install openssh-client`);
    return 2;
  }
  const noRoom = tooLittleRoom(tmpdir(), freeMiB(tmpdir()));
  if (noRoom !== null) {
    say(noRoom);
    return 2;
  }
  using asked = askedToStop();
  const state = makeStateFolder();
  const parts = new Parts();
  try {
    return await Promise.race([play(options, say, state.path, parts), asked.stopped]);
  } catch (error) {
    say(`The demo failed. ${whyFailed(error, tmpdir(), freeMiB(tmpdir()))}`);
    return 1;
  } finally {
    if (!(await inTime(parts[Symbol.asyncDispose]())))
      say('Parts of the demo did not end in time. Their processes end with it.');
    state.remove();
  }
}

/** False where it took longer than anybody would wait for. */
async function inTime(ending: Promise<void>): Promise<boolean> {
  const late = new AbortController();
  const limit = setTimeout(END_MS, false, { signal: late.signal }).catch(() => false);
  const isOver = await Promise.race([ending.then(() => true), limit]);
  late.abort();
  return isOver;
}

/** What was started, ended in the opposite order; what starts after the end is ended at once. */
class Parts implements AsyncDisposable {
  readonly #open: AsyncDisposable[] = [];
  #closed = false;

  async own<T extends AsyncDisposable>(part: T): Promise<T> {
    if (this.#closed) {
      await part[Symbol.asyncDispose]();
      throw new Error('the demo is ending');
    }
    this.#open.push(part);
    return part;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const part of this.#open.splice(0).reverse()) await part[Symbol.asyncDispose]();
  }
}

async function play(options: DemoOptions, say: Say, folder: string, parts: Parts): Promise<number> {
  const begun = process.hrtime.bigint();
  const workspace = await parts.own(await openWorkspace(options.port));
  say(`Demo: ${workspace.url}`);
  if (options.port !== 0 && !workspace.url.endsWith(`:${options.port}/`)) {
    say(`  Port ${options.port} is taken, so the demo uses another one. To choose it, set DAYPASS_DEMO_PORT=<port>.`);
  }
  say('  Starting two targets, keys, a database and Daypass. This can take up to a minute.');
  const login = userInfo().username;
  const { served, gatewayPort, product } = await startHosts(options, say, folder, login, parts, workspace);
  say(`  Gateway: 127.0.0.1:${gatewayPort}. It runs with --insecure-single-user: gateway workers share your account`);
  say('  and could read the CA keys. That is fine for a trial, but not for production.');
  const people = peopleOf(workspace.url);
  await openEngagement(people);
  workspace.open(replays(product, join(folder, 'replays')));
  const ended = served.exited.then((code) => {
    throw new Error(`daypass serve ended with ${code}`);
  });
  if (options.tour) return Promise.race([tour(people, { folder, say, begun }), ended]);
  say(`Ready. Open ${workspace.url} and follow the guide: you are the contractor.`);
  say('Press Ctrl-C to end everything. The demo leaves nothing behind.');
  return ended;
}

/** Targets, keys, configuration and the product. Independent steps run in parallel. */
async function startHosts(
  options: DemoOptions,
  say: Say,
  folder: string,
  login: string,
  parts: Parts,
  workspace: Workspace,
): Promise<{ served: Served; gatewayPort: number; product: Product }> {
  const rootFolder = makeRootFolder();
  const step = (what: string): void => say(`  … ${what}`);
  step('targets: one sshd or SSH server each, on this machine');
  const database = await parts.own(makeDatabase(folder));
  const building = await parts.own(build(options, join(folder, 'build')));
  const [cli, ...opened] = await Promise.all([
    building.made,
    ...TARGETS.map(async ({ id }) => parts.own(await openTarget(id, join(folder, id)))),
  ]);
  await parts.own(
    startSweeper(
      opened.map(({ port }) => port),
      rootFolder,
    ),
  );
  const named = opened.map(({ id, port, hostKey }) => {
    return { id, port, hostKey, name: TARGETS.find((each) => each.id === id)?.name ?? id };
  });
  const durations = options.tour ? TOUR_DURATIONS : DURATIONS;
  const product = await parts.own(setUpProduct(cli, folder, named, login, durations));
  step('a database (this takes longest), and keys: two certificate authorities, a host key and a recording key');
  const sshd = findSshd();
  const [usable] = await Promise.all([
    sshd !== null && givesTerminal(sshd, login, join(folder, 'probe')),
    product.cli('init'),
    database.made,
  ]);
  step('Daypass: the gateway and Slack');
  const served = await parts.own(serve(cli, product.configFile, workspace));
  const [gatewayPort] = await Promise.all([
    served.ready,
    ...opened.map((target) => setUpTarget(product, target, login, usable ? sshd : null)),
  ]);
  const kind = usable ? 'a real sshd' : 'the demo’s own SSH server, because this machine has no usable sshd';
  for (const { id, port } of opened) say(`  ${id}: 127.0.0.1:${port}, ${kind}; login ${login}`);
  return { served, gatewayPort, product };
}

function build({ cli }: DemoOptions, folder: string): AsyncDisposable & { readonly made: Promise<readonly string[]> } {
  const stop = new AbortController();
  const made = cli(folder, stop.signal);
  made.catch(() => {});
  return {
    made,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await made.catch(() => {});
    },
  };
}

async function setUpTarget(product: Product, target: DemoTarget, login: string, sshd: string | null): Promise<void> {
  const snippet = await product.snippet(target.id, join(target.folder, 'etc'));
  if (sshd === null) target.useOwnServer(snippet, login);
  else target.useSshd(sshd, snippet);
}

/** On the wanted port, or where that is taken on any. */
async function openWorkspace(port: number): Promise<Workspace> {
  try {
    return await startWorkspace({ port, starting: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return startWorkspace({ port: 0, starting: true });
  }
}

/** The manager opens the engagement, so that the contractor can begin at once. */
async function openEngagement(people: People): Promise<void> {
  await people.act('manager', 'commands', { channel: CHANNELS.engagement, text: '/access engagement new' });
  await people.until('manager', 'the form of a new engagement', (seen) => seen.modal);
  await people.act('manager', 'submissions', {
    values: {
      Name: 'Acme migration',
      Vendor: 'Northwind Data',
      Channel: CHANNELS.engagement,
      Members: ['contractor'],
      Targets: TARGETS.map((target) => target.id),
      Scopes: ['shell', 'files-rw'],
      Reviewers: ['manager', 'security'],
    },
  });
  await people.message('contractor', /Acme migration/);
}

/** 0 at the first request to end. Later ones do not interrupt the clean-up. After it, they end the process as usual. */
function askedToStop(): Disposable & { readonly stopped: Promise<number> } {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  let stop = (): void => undefined;
  const stopped = new Promise<number>((resolve) => {
    stop = () => resolve(0);
  });
  for (const signal of signals) process.on(signal, stop);
  return {
    stopped,
    [Symbol.dispose]() {
      for (const signal of signals) process.off(signal, stop);
    },
  };
}
