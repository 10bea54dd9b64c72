import type { Engagement } from '../../../src/access/engagement.ts';
import type { OffboardingId } from '../../../src/access/ids.ts';
import type { Offboarding } from '../../../src/access/offboarding.ts';
import type { Whose } from '../../../src/access/whose.ts';
import { closeEngagement } from '../../../src/use-cases/offboarding/close-engagement.ts';
import { type OffboardInput, offboardPerson } from '../../../src/use-cases/offboarding/offboard.ts';
import { proveOffboardings } from '../../../src/use-cases/offboarding/prove.ts';
import { tickItem } from '../../../src/use-cases/offboarding/tick-item.ts';
import type { GatewaysAnswer } from '../../../src/use-cases/ports/gateways.ts';
import { requestAccess } from '../../../src/use-cases/requests/request-access.ts';
import { granted } from './access-world.ts';
import type { GrantedWorld } from './granted-world.ts';

export const ROOT = { account: 'root' };

/** Gateway workers as the test has them: what they answer, and what they were asked. */
export class AskedGateways {
  answer: GatewaysAnswer = { workers: 2, answered: 2, sessions: [] };
  readonly asked: Whose[] = [];

  async ask(whose: Whose): Promise<GatewaysAnswer> {
    this.asked.push(whose);
    return this.answer;
  }
}

/** What is done about leaving, in a world of grants. */
export const offboarding = (world: GrantedWorld, gateways = new AskedGateways()) => ({
  gateways,
  offboard: (change: Partial<OffboardInput> = {}) =>
    offboardPerson(world.deps)({
      ...{ by: ROOT, personId: world.contractor.id, engagementId: null, reason: null, isSecurity: false, ...change },
    }),
  close: (change: Partial<Parameters<ReturnType<typeof closeEngagement>>[0]> = {}) =>
    closeEngagement(world.deps)({
      ...{ by: ROOT, engagementId: world.engagement.id, reason: null, isSecurity: false, ...change },
    }),
  prove: () => proveOffboardings({ ...world.deps, gateways })(),
  tick: (of: Offboarding, item: number, change: Partial<Parameters<ReturnType<typeof tickItem>>[0]> = {}) =>
    tickItem(world.deps)({
      ...{ by: world.sponsor.id, offboardingId: of.id, item, note: null, isSecurity: false, ...change },
    }),
  stored: async (id: OffboardingId): Promise<Offboarding> => {
    const found = await world.store.transaction((tx) => tx.offboardings.byId(id));
    if (!found) throw new Error('no such offboarding');
    return found;
  },
  /** Asks as the contractor would; returns the request. */
  ask: async (engagement: Engagement = world.engagement) =>
    requestAccess(world.deps)({
      ...{ by: world.contractor.id, engagementId: engagement.id, targetIds: ['web-01'], login: world.access.login },
      ...{ scope: 'shell', durationSeconds: 3_600, reason: 'Move the database', ticket: null },
    }),
  asked: async (engagement: Engagement = world.engagement) => granted(await offboarding(world).ask(engagement)),
});
