import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EngagementTerms, termsOf } from '../../../src/access/engagement-change.ts';
import { parseHours } from '../../../src/access/hours-text.ts';
import { changedView, requestView } from '../../../src/slack/conversations/request.ts';
import type { Edge } from '../../../src/slack/edge.ts';
import { login } from '../../support/samples/samples.ts';
import { granted } from '../../support/worlds/access-world.ts';
import { GrantedWorld } from '../../support/worlds/granted-world.ts';
import { offboarding } from '../../support/worlds/offboard-world.ts';

describe('the request form of an engagement', () => {
  let world: GrantedWorld;
  beforeEach(async () => {
    world = await GrantedWorld.open();
  });
  afterEach(() => world[Symbol.asyncDispose]());

  /** It asks the store alone, so this is all of it that there is. */
  const edge = () => world.deps as unknown as Edge;
  const becomes = (change: Partial<EngagementTerms>): Promise<void> =>
    world.store.transaction((tx) =>
      tx.engagements.change(world.engagement.id, { ...termsOf(world.engagement), ...change }, []),
    );
  const form = async () => {
    const asker = { person: world.contractor, userId: 'UCON', timeZone: 'UTC', isSecurity: false };
    const { blocks } = await requestView(edge(), asker, world.engagement.id);
    return { fields: blocks.flatMap(({ block_id }) => block_id ?? []), text: JSON.stringify(blocks) };
  };
  const ALL = ['engagement', 'targets', 'login', 'scope', 'duration', 'reason', 'ticket'];

  it('has its fields while something can be asked for', async () => {
    expect(await form()).toMatchObject({ fields: ALL, text: expect.stringContaining('to see who will be asked') });
  });

  it('has them outside its hours as well, and says when these begin', async () => {
    // It is noon on a Thursday.
    await becomes({ hours: parseHours('thu 15-17', 'UTC') });
    const { fields, text } = await form();
    expect([fields, text]).toEqual([ALL, expect.stringContaining('"timestamp":1903964400')]);
    expect(text).not.toContain('to see who will be asked');
  });

  it('has none of them before its first day, and says which that is', async () => {
    await becomes({ firstDay: '2030-05-03' });
    expect(await form()).toMatchObject({
      fields: ['engagement'],
      text: expect.stringMatching(/"text":" This engagement begins .*"timestamp":1903996800/),
    });
  });

  it('has none of them where no target has a login of the engagement’s, and says whom to ask', async () => {
    await becomes({ logins: [login('other')] });
    expect(await form()).toMatchObject({ fields: ['engagement'], text: expect.stringContaining('USPONSOR') });
  });

  it('is left as it stands once its person was offboarded', async () => {
    const view = { id: 'V1', type: 'modal', callback_id: 'request', private_metadata: '{}', state: { values: {} } };
    expect(await changedView(edge(), world.contractor, view)).not.toBeNull();
    granted(await offboarding(world).offboard());
    expect(await changedView(edge(), world.contractor, view)).toBeNull();
  });
});
