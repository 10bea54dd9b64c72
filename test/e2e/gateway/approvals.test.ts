import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Assurance } from '../../../src/access/assurance.ts';
import type { PendingRequest } from '../../../src/access/request.ts';
import { approvalName } from '../../../src/access/signing-key.ts';
import { publicKeyLine } from '../../../src/sshwire/public-key.ts';
import { messageKey } from '../../../src/use-cases/notice.ts';
import { requestAccess } from '../../../src/use-cases/requests/request-access.ts';
import { reviewRequest } from '../../../src/use-cases/requests/review-request.ts';
import { startAgent, type TestAgent } from '../../support/peers/agent.ts';
import { type KeyFile, makeKeyFile } from '../../support/peers/openssh.ts';
import { run } from '../../support/peers/processes.ts';
import { makeKey } from '../../support/peers/ssh-keys.ts';
import { Terminal } from '../../support/peers/terminal.ts';
import { granted } from '../../support/worlds/access-world.ts';
import { SelfServiceWorld } from '../../support/worlds/self-service-world.ts';

const TWO_DAYS_MS = 2 * 86_400_000;

let world: SelfServiceWorld;
let key: KeyFile;
let fido: KeyFile;
let agent: TestAgent;
beforeAll(async () => {
  world = await SelfServiceWorld.open();
  key = await makeKeyFile(world.home, 'ed25519', 'reviewer');
  const device = makeKey('sk-ssh-ed25519@openssh.com');
  agent = await startAgent(world.home, [{ blob: device.blob, key: device }]);
  // Without its private half ssh asks the agent.
  fido = { path: join(world.home, 'fido.pub'), line: publicKeyLine(device.publicKey) };
  writeFileSync(fido.path, `${fido.line}\n`);
  const longAgo = new Date(Date.now() - TWO_DAYS_MS);
  for (const each of [key, fido]) await world.register(world.reviewer, each, longAgo);
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await agent?.[Symbol.asyncDispose]();
});

/** A request whose Approve was pressed. */
async function pressed(assurance: Assurance = 'signed'): Promise<PendingRequest> {
  const { access, contractor, engagement, reviewer } = world;
  const [rule] = access.inventory.policy.rules;
  if (rule) rule.assurance = assurance;
  const request = granted(
    await requestAccess(access.deps)({
      ...{ by: contractor.id, engagementId: engagement.id, targetIds: ['web-01'], durationSeconds: 600 },
      ...{ login: access.login, scope: 'shell', reason: 'Move the \u001b[31mdatabase\nto Zürich', ticket: null },
    }),
  );
  const { id: requestId, digest } = request;
  const card = { channelId: 'C1', ts: requestId };
  const cardKey = messageKey({ kind: 'review_card', requestId, to: null });
  await access.store.transaction((tx) => tx.messages.put({ key: cardKey, ...card }));
  granted(
    await reviewRequest(access.deps)({ by: reviewer.id, requestId, digest, card, verdict: 'approve', comment: null }),
  );
  return request;
}
const status = async ({ id }: PendingRequest) =>
  (await world.access.store.transaction((tx) => tx.requests.byId(id)))?.status;
const at = (request: PendingRequest): string => `${approvalName(request)}@${world.gateway.address}`;
const sign = (request: PendingRequest, words: readonly string[], file = key) =>
  run('ssh', [...world.byHand(file), '-T', at(request), ...words]);

describe('ssh approve-…@gateway', () => {
  it('shows what is approved and asks; yes at the prompt signs it', async () => {
    const request = await pressed();
    using terminal = new Terminal('ssh', [...world.byHand(key), '-t', at(request)], { columns: 120, rows: 40 });
    await terminal.shows(/Type yes to approve: $/);
    for (const shown of [/who +UCONTRACT, who works for Acme\r\n/, /target +web-01 \(/, /duration +10 min\r\n/])
      expect(terminal.text).toMatch(shown);
    expect(terminal.text).toMatch(/reason +Move the \?\[31mdatabase\r\n +to Zürich\r\n/);
    expect(terminal.text).toContain(request.digest);
    expect(await status(request)).toBe('pending');
    terminal.type('yesx\u007f\r');
    expect(await terminal.exited()).toBe(0);
    expect(terminal.text).toContain('yesx\b \b\r\nApproved, and signed with your key. Access was granted.\r\n');
    expect(await status(request)).toBe('approved');
  });

  it('approves nothing without yes, and the same approval can be signed later', async () => {
    const request = await pressed();
    expect(await sign(request, [])).toMatchObject({ code: 1 });
    expect(await status(request)).toBe('pending');
    expect(await sign(request, ['yes'])).toMatchObject({ code: 0 });
    expect(await status(request)).toBe('approved');
  });

  it('takes a key on a FIDO device, and no other where policy wants one', async () => {
    const request = await pressed('fido');
    expect(await sign(request, ['yes'])).toMatchObject({
      code: 255,
      stderr: expect.stringContaining('This review needs a key on a FIDO device'),
    });
    const reach = [...world.reach(), '-o', 'IdentitiesOnly=yes', '-o', `IdentityAgent=${agent.socket}`];
    expect(await run('ssh', [...reach, '-i', fido.path, '-T', at(request), 'yes'])).toMatchObject({ code: 0 });
    expect(await status(request)).toBe('approved');
  });

  it('refuses a key whose person did not press Approve, and says why', async () => {
    const request = await pressed();
    expect(await sign(request, ['yes'], world.otherKey)).toMatchObject({
      code: 255,
      stderr: expect.stringContaining('Nothing waits for a signature by this key'),
    });
    expect(await status(request)).toBe('pending');
  });
});
