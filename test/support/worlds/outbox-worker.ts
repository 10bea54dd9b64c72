import { webApi } from '@slack/bolt';
import { Policy } from '../../../src/access/policy.ts';
import { BUILT_IN_SCOPES } from '../../../src/access/scopes/scope.ts';
import { createLog } from '../../../src/log.ts';
import { OutboxWorker } from '../../../src/slack/messages/outbox.ts';
import type { Store } from '../../../src/use-cases/ports/store.ts';
import type { UnreliableSlack } from '../peers/unreliable-slack.ts';
import { grantId, NOON } from '../samples/samples.ts';
import { certificate, insertWorld } from './world.ts';

const POLICY = Policy.parse({ rules: [{ name: 'one reviewer approves', max_duration: 'PT8H' }] });

type Deps = ConstructorParameters<typeof OutboxWorker>[0];

/** The rows that messages are about: two requests, a grant and its certificate. */
export async function insertMessagesWorld(store: Store): Promise<void> {
  await insertWorld(store);
  const keyId = `daypass:${grantId(1)}:x:y`;
  await store.transaction((tx) => tx.grants.insertCertificate(grantId(1), { ...certificate(1), keyId }));
}

/** A clock that begins when the samples' grants are live. */
function fromNoon(): Deps['clock'] {
  const began = performance.now();
  return { now: () => new Date(NOON.getTime() + performance.now() - began) };
}

/** Brings what a store has to Slack, with little patience. */
export function startOutbox(
  store: Store,
  slack: UnreliableSlack,
  change: Partial<Deps> = {},
  timeout = 250,
): OutboxWorker {
  const log = createLog(process.env['DAYPASS_TEST_LOG'] ?? 'silent');
  const silent = {
    debug() {},
    info() {},
    warn() {},
    error() {},
    setLevel() {},
    setName() {},
    getLevel: () => 'error' as never,
  };
  const web = new webApi.WebClient('xoxb-test', {
    slackApiUrl: slack.apiUrl,
    timeout,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    logger: silent,
  });
  const clock = change.clock ?? fromNoon();
  slack.now = () => clock.now().getTime();
  return new OutboxWorker({
    store,
    inventory: { find: () => null, scopes: BUILT_IN_SCOPES, targets: [], policy: POLICY },
    gateway: { host: 'gw', port: 22, hostKeyLine: 'ssh-ed25519 AAAA', site: 'acme' },
    security: { securityChannel: 'CSEC', securityUsers: ['USEC'] },
    retention: 'P90D',
    retryFirstMs: 20,
    web,
    fetch,
    log,
    ...change,
    clock,
  });
}
