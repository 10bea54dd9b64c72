import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EngagementTerms, termsOf } from '../../../../src/access/engagement-change.ts';
import { AllowedHours } from '../../../../src/access/hours.ts';
import { Policy } from '../../../../src/access/policy.ts';
import { type PreviewInput, previewRequest } from '../../../../src/use-cases/requests/preview-request.ts';
import { requestAccess } from '../../../../src/use-cases/requests/request-access.ts';
import { withdrawRequest } from '../../../../src/use-cases/requests/withdraw-request.ts';
import { viewRequest } from '../../../../src/use-cases/views/views.ts';
import { engagementId, login, personId } from '../../../support/samples/samples.ts';
import { ANYBODY, granted } from '../../../support/worlds/access-world.ts';
import { GrantedWorld } from '../../../support/worlds/granted-world.ts';

describe('what would become of a request', () => {
  let world: GrantedWorld;
  beforeEach(async () => {
    world = await GrantedWorld.open();
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const preview = (rules: readonly object[], change: Partial<PreviewInput> = {}, engagements: object = ANYBODY) =>
    previewRequest({
      ...world.deps,
      inventory: { ...world.deps.inventory, policy: Policy.parse({ rules, engagements }) },
    })({
      ...{ by: world.contractor.id, engagementId: world.engagement.id, targetIds: ['web-01', 'db-01'] },
      ...{ login: world.access.login, scope: 'shell', durationSeconds: 3_600, ...change },
    });
  const becomes = (change: Partial<EngagementTerms>): Promise<void> =>
    world.store.transaction((tx) =>
      tx.engagements.change(world.engagement.id, { ...termsOf(world.engagement), ...change }, []),
    );
  const rule = { name: 'all', max_duration: 'PT8H' };
  const impossible = (rejection: object, instead: object | null = null) => ({
    ...{ kind: 'impossible', rejection, instead },
  });

  it('is decided by these rules and asked of these people, and nothing is written', async () => {
    await world.traces();
    expect(await preview([{ ...rule, name: 'web', targets: ['web-01'] }, rule])).toEqual({
      ...{
        kind: 'possible',
        rules: ['web', 'all'],
        approvals: 1,
        assurance: 'slack',
        keys: 'any',
        until: null,
        ticket: null,
      },
      ...{ reviewers: [world.reviewer.id], names: new Map([[world.reviewer.id, 'UREVIEW']]) },
    });
    expect(await world.traces()).toEqual({ events: [], notices: [] });
  });

  it('says which ticket is wanted, before one was typed', async () => {
    const ticket = { pattern: 'OPS-\\d+', example: 'OPS-1042' };
    expect(await preview([{ ...rule, ticket }])).toMatchObject({ ticket: { rule: 'all', example: 'OPS-1042' } });
    expect(await preview([{ ...rule, ticket: 'required' }])).toMatchObject({ ticket: { rule: 'all', example: null } });
  });

  it('is impossible where it is too long, or nobody could approve it', async () => {
    const long = { code: 'duration_too_long', maxSeconds: 1_800, rule: 'all', field: 'duration' };
    expect(await preview([{ ...rule, max_duration: 'PT30M', ticket: 'required' }])).toEqual(impossible(long));
    const nobody = { code: 'no_reviewer', needed: 2, found: 1, field: 'engagement' };
    expect(await preview([{ ...rule, approvals: 2 }])).toEqual(impossible(nobody));
  });

  it('says what would be allowed in place of what no rule allows', async () => {
    const none = { code: 'no_policy_rule', field: 'scope' };
    expect(await preview([{ ...rule, targets: ['web-01'] }])).toEqual(
      impossible(none, { without: ['db-01'], scopes: [], logins: [] }),
    );
    expect(await preview([{ ...rule, scopes: ['files-rw'] }])).toEqual(
      impossible(none, { without: ['db-01', 'web-01'], scopes: ['files-rw'], logins: [] }),
    );
  });

  it('is impossible with a key of which a rule wants more', async () => {
    const rejection = { code: 'fido_key_needed', rule: 'all', verified: true, field: 'key' };
    expect(await preview([{ ...rule, keys: 'fido_verified' }])).toEqual(impossible(rejection));
  });

  it('says what an approval takes', async () => {
    expect(await preview([{ ...rule, assurance: 'signed' }, rule])).toMatchObject({ assurance: 'signed' });
  });

  const at = (from: number, to: number): AllowedHours => {
    const [first, last] = [from, to].map((seconds) => world.later(seconds).toISOString().slice(11, 16));
    return AllowedHours.parse({ zone: 'UTC', allow: [{ days: ['thu'], from: first, to: last }] });
  };

  it('is impossible outside the hours, and is cut short by their end', async () => {
    expect(await preview([{ ...rule, hours: at(3_600, 7_200) }])).toMatchObject({
      ...{ kind: 'impossible', instead: null },
      rejection: { code: 'outside_hours', rule: 'all', opens: world.later(3_600), zone: 'UTC' },
    });
    expect(await preview([{ ...rule, hours: at(-3_600, 1_800) }])).toMatchObject({ until: world.later(1_800) });
    await becomes({ hours: at(-3_600, 900) });
    expect(await preview([{ ...rule, hours: at(-3_600, 1_800) }])).toMatchObject({ until: world.later(900) });
    await becomes({ hours: at(3_600, 7_200) });
    expect(await preview([rule])).toMatchObject({ rejection: { code: 'outside_engagement_hours' } });
  });

  it('is shown to whoever reviews it with the end of the hours, where these cut it short', async () => {
    const { id: requestId } = granted(
      await requestAccess(world.deps)({
        ...{ by: world.contractor.id, engagementId: world.engagement.id, targetIds: ['web-01'], ticket: null },
        ...{ login: world.access.login, scope: 'shell', durationSeconds: 3_600, reason: 'Move it' },
      }),
    );
    const seen = async (hours?: AllowedHours) => {
      const policy = Policy.parse({ rules: [{ ...rule, hours }], engagements: ANYBODY });
      return (await viewRequest({ ...world.deps, inventory: { ...world.deps.inventory, policy } })({ requestId }))
        ?.cutShort;
    };
    expect(await seen()).toBeNull();
    expect(await seen(at(-3_600, 3_600))).toBeNull();
    expect(await seen(at(-3_600, 3_540))).toEqual(world.later(3_540));
    await becomes({ hours: at(-3_600, 900) });
    expect(await seen(at(-3_600, 3_540))).toEqual(world.later(900));
    expect(await seen(at(3_600, 7_200))).toBeNull();
    granted(await withdrawRequest(world.deps)({ by: world.contractor.id, requestId }));
    expect(await seen()).toBeNull();
  });

  it.each<[string, Partial<EngagementTerms>, string]>([
    ['has not begun', { firstDay: '2030-05-03' }, 'engagement_not_begun'],
    ['is over', { lastDay: '2030-05-01' }, 'engagement_over'],
    ['has other logins', { logins: [login('other')] }, 'login_not_in_engagement'],
  ])('is impossible in an engagement that %s', async (_, change, code) => {
    await becomes(change);
    expect(await preview([rule])).toMatchObject({ kind: 'impossible', rejection: { code } });
  });

  it.each<[string, Partial<PreviewInput>, string]>([
    ['somebody unknown', { by: personId(9) }, 'person_inactive'],
    ['an engagement that is none', { engagementId: engagementId(9) }, 'unknown_engagement'],
    ['a target of no engagement', { targetIds: ['zz-01'] }, 'target_not_in_engagement'],
    ['a login that no target has', { login: 'other' }, 'login_not_on_target'],
    ['a scope beyond the engagement', { scope: 'ide' }, 'scope_not_in_engagement'],
  ])('is impossible for %s', async (_, change, code) => {
    expect(await preview([rule], change)).toMatchObject({ kind: 'impossible', rejection: { code } });
  });

  it('tells nothing of an engagement to who is no member of it, and nothing to who is gone', async () => {
    expect(await preview([rule], { by: world.stranger.id })).toMatchObject({ rejection: { code: 'not_a_member' } });
    await world.seen(world.contractor, { active: false });
    expect(await preview([rule])).toMatchObject({ rejection: { code: 'person_inactive' } });
  });
});
