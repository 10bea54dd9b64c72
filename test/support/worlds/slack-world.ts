import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Assurance } from '../../../src/access/assurance.ts';
import { Fingerprint } from '../../../src/access/ids.ts';
import { Policy } from '../../../src/access/policy.ts';
import { BUILT_IN_SCOPES } from '../../../src/access/scopes/scope.ts';
import { Target } from '../../../src/access/target.ts';
import { certificateAuthority } from '../../../src/ca/authority.ts';
import { createKeys, loadKeys } from '../../../src/ca/keys.ts';
import { httpManifest } from '../../../src/cli/manifest.ts';
import type { Organisation } from '../../../src/demo/workspace/core.ts';
import { parseManifest } from '../../../src/demo/workspace/manifest.ts';
import { startWorkspace, type Workspace } from '../../../src/demo/workspace/workspace.ts';
import { createLog } from '../../../src/log.ts';
import { type KeptSlack, keepSlack } from '../../../src/slack/keep-slack.ts';
import type { SlackDeps, Transport } from '../../../src/slack/slack.ts';
import { proveOffboardings } from '../../../src/use-cases/offboarding/prove.ts';
import { registerKey } from '../../../src/use-cases/people/register-key.ts';
import type { UserauthProof } from '../../../src/use-cases/ports/authority.ts';
import type { Gateways } from '../../../src/use-cases/ports/gateways.ts';
import type { RandomSource } from '../../../src/use-cases/ports/random.ts';
import { signReview } from '../../../src/use-cases/requests/sign-review.ts';
import { withdrawRequest } from '../../../src/use-cases/requests/withdraw-request.ts';
import { freePort } from '../peers/gateway-tools.ts';
import { Persona } from '../peers/persona.ts';
import { SshKey } from '../peers/signing-key.ts';
import { fingerprintOf, makeKey } from '../peers/slack-keys.ts';
import { ANYBODY } from './access-world.ts';
import { openTestStore, type TestStore } from './store.ts';

export const TEAM = 'T0DEMO000';
export const MEMBER = { contractor: 'U0CONTRACT', manager: 'U0MANAGER0', security: 'U0SECURITY' } as const;
export const ENGAGEMENT_CHANNEL = 'C0ENGAGE00';
export const SECURITY_CHANNEL = 'C0SECURITY';

const random: RandomSource = { uuid: randomUUID, bytes: (length) => new Uint8Array(randomBytes(length)) };
const log = createLog(process.env['DAYPASS_TEST_LOG'] ?? 'silent');
const hostKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMrrvHhxLbWDLBzyLEMkNkxxKLyxKJXp8pTeYVqXcUUx';

const target = (id: string, name: string): Target =>
  Target.parse({ id, name, address: '127.0.0.1', port: 2201, host_keys: [hostKey], logins: ['deploy'] });

const MANIFEST = readFileSync(new URL('../../../manifest.yml', import.meta.url), 'utf8');
const PATH = '/slack/events';

type Change = Partial<Pick<SlackDeps, 'inventory' | 'clock' | 'log'>>;
type Start = Partial<Parameters<typeof keepSlack>[0]>;
/** What Slack is like: how it reaches Daypass (over HTTP on any port that is free), and the organisation it is in. */
type Setting = { readonly way?: 'socket' | 'http'; readonly organisation?: Organisation };

const DIRECT = { proxy: null, environment: {} };

/** Eight hours are offered in the form, and allowed for one scope alone. */
const RULES = [
  { name: 'reading files', scopes: ['files-ro'], max_duration: 'PT8H' },
  { name: 'one manager approves', max_duration: 'PT4H' },
];

type Parts = {
  readonly folder: string;
  readonly workspace: Workspace;
  readonly store: TestStore;
  readonly transport: Transport;
};

/** The Slack edge as it runs in production, on the demo's workspace, a real store and real keys; no gateway. */
export class SlackWorld implements AsyncDisposable {
  readonly workspace: Workspace;
  readonly store: TestStore;
  readonly contractor: Persona;
  readonly manager: Persona;
  readonly security: Persona;
  readonly transport: Transport;
  readonly #deps: Omit<SlackDeps, 'health'>;
  readonly #folder: string;
  #slack: KeptSlack | null = null;

  /** `deaf` are events that Slack does not send: everything then rests on what is asked at the click. */
  static async open(
    change: Change = {},
    deaf: readonly string[] = [],
    { way = 'socket', organisation }: Setting = {},
  ): Promise<SlackWorld> {
    const folder = mkdtempSync(join(tmpdir(), 'daypass-slack-'));
    createKeys(join(folder, 'keys'));
    const port = way === 'http' ? await freePort() : 0;
    const whole = parseManifest(way === 'http' ? httpManifest(MANIFEST, `http://127.0.0.1:${port}${PATH}`) : MANIFEST);
    const events = new Set([...whole.events].filter((event) => !deaf.includes(event)));
    const manifest = { ...whole, events };
    const workspace = await startWorkspace({ port: 0, manifest, ...(organisation && { organisation }) });
    const store = await openTestStore('embedded');
    const { signingSecret, appToken } = workspace;
    const transport: Transport =
      way === 'http'
        ? { kind: 'http', signingSecret, host: '127.0.0.1', port, path: PATH }
        : { kind: 'socket', appToken };
    const world = new SlackWorld({ folder, workspace, store, transport }, change);
    try {
      await world.start();
      if (way === 'http') await workspace.verifyRequestUrl();
      return world;
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor({ folder, workspace, store, transport }: Parts, change: Change) {
    this.transport = transport;
    this.#folder = folder;
    this.workspace = workspace;
    this.store = store;
    this.contractor = new Persona(workspace.url, 'contractor');
    this.manager = new Persona(workspace.url, 'manager');
    this.security = new Persona(workspace.url, 'security');
    const targets = [target('web-01', 'Web server'), target('db-01', 'Order database')];
    const keys = loadKeys(join(folder, 'keys'));
    this.#deps = {
      store,
      clock: { now: () => new Date() },
      random,
      authority: certificateAuthority(keys, random),
      inventory: {
        site: 'demo',
        targets,
        policy: Policy.parse({ rules: RULES, engagements: ANYBODY }),
        scopes: BUILT_IN_SCOPES,
        find: (id) => targets.find((each) => each.id === id) ?? null,
      },
      log,
      retention: null,
      gateway: { host: '127.0.0.1', port: 2222, hostKeyLine: keys.gatewayHostPublicKey, site: 'demo' },
      ...change,
    };
  }

  async start(change: Start = {}): Promise<void> {
    const { botToken, apiUrl } = this.workspace;
    this.#slack = await keepSlack(
      {
        botToken,
        transport: this.transport,
        apiUrl,
        security: { securityChannel: SECURITY_CHANNEL, securityUsers: [MEMBER.security] },
        ...DIRECT,
        ...change,
      },
      this.#deps,
    );
  }

  /** What control asks of the gateways once a second, where it runs. */
  prove(gateways: Pick<Gateways, 'ask'>): Promise<number> {
    return proveOffboardings({ ...this.#deps, gateways })();
  }

  get sql(): TestStore['sql'] {
    return this.store.sql;
  }

  health(): unknown {
    return this.#slack?.state();
  }

  async stop(): Promise<void> {
    await this.#slack?.[Symbol.asyncDispose]();
    this.#slack = null;
  }

  fault(kind: string, times = 1, method?: string): Promise<unknown> {
    return this.contractor.call('faults', { kind, times, ...(method === undefined ? {} : { method }) });
  }

  noFaults(): Promise<Response> {
    return fetch(`${this.workspace.url}faults`, { method: 'DELETE' });
  }

  async person(userId: string) {
    const person = await this.store.transaction((tx) => tx.persons.byAccount(TEAM, userId));
    if (!person) throw new Error(`${userId} was never seen`);
    return person;
  }

  /** A key of the contractor, as if the gateway had seen its possession proved. */
  async registerKey(userId: string = MEMBER.contractor, registeredAt = new Date()): Promise<SshKey> {
    const person = await this.person(userId);
    const key = new SshKey();
    await this.store.transaction((tx) =>
      tx.keys.insert({
        fingerprint: Fingerprint.parse(key.fingerprint),
        publicKey: `ssh-ed25519 ${Buffer.from(key.blob).toString('base64')}`,
        personId: person.id,
        registeredAt,
      }),
    );
    return key;
  }

  /** As control does once the gateway's reviewer has said yes. */
  sign(proof: UserauthProof): ReturnType<ReturnType<typeof signReview>> {
    return signReview(this.#deps)(proof);
  }

  /** From now on. */
  wants(assurance: Assurance): void {
    for (const rule of this.#deps.inventory.policy.rules) rule.assurance = assurance;
  }

  /** The same through the one-time code that Slack showed. */
  async proveKey(code: string) {
    const { line, blob } = makeKey();
    const proof = { fingerprint: Fingerprint.parse(fingerprintOf(blob)), publicKey: line };
    const unused = {
      sshSessionId: '00',
      digest: '00',
      userName: `register-${code}`,
      certificate: null,
      isUserVerified: false,
    };
    return registerKey(this.#deps)({ proof: { ...proof, ...unused }, code });
  }

  /** The manager opens an engagement in a window; returns when its root message stands. */
  async openEngagement(change: Record<string, unknown> = {}): Promise<void> {
    await this.manager.command('/access engagement new', ENGAGEMENT_CHANNEL);
    await this.manager.until('the form', (state) => state.modal?.view.callback_id === 'engagement');
    await this.manager.submit({
      name: 'Order database migration',
      vendor: 'Northwind Data',
      channel: ENGAGEMENT_CHANNEL,
      members: [MEMBER.contractor],
      targets: ['web-01', 'db-01'],
      scopes: ['shell', 'files-rw'],
      reviewers: [MEMBER.manager],
      last_day: '2999-12-31',
      ...change,
    });
    await this.contractor.until('the root message', (state) => this.contractor.root(state) !== null);
  }

  /** So that the same access can be asked for again. */
  async #takeBack(): Promise<void> {
    const { id: by } = await this.person(MEMBER.contractor);
    for (const { id: requestId } of await this.store.transaction((tx) => tx.requests.pendingOf(by)))
      await withdrawRequest(this.#deps)({ by, requestId });
  }

  /** The contractor asks in the form, for nothing else at the time; returns when both cards and the receipt stand. */
  async request(change: Record<string, unknown> = {}): Promise<void> {
    await this.#takeBack();
    const cards = this.manager.cards(await this.manager.state()).length;
    const receipts = this.contractor.receipts(await this.contractor.state());
    await this.contractor.openForm();
    await this.contractor.submit({
      targets: ['web-01', 'db-01'],
      login: 'deploy',
      scope: 'shell',
      duration: '3600',
      reason: 'Move the order database',
      ...change,
    });
    await this.manager.until('the review cards', (state) => this.manager.cards(state).length >= cards + 2);
    await this.contractor.until('the receipt', (state) => this.contractor.receipts(state) > receipts);
  }

  /** The contractor asks for the files of the access that came last; returns when there are more of them. */
  async files(): Promise<void> {
    const before = (await this.contractor.state()).files.length;
    await this.contractor.click(await this.contractor.granted(), 'Other ways in');
    await this.contractor.until('the files', (state) => state.files.length > before);
  }

  async ready(): Promise<void> {
    await this.openEngagement();
    await this.registerKey();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.workspace[Symbol.asyncDispose]();
    await this.store[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
