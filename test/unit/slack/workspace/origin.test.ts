import { describe, expect, it } from 'vitest';
import { originOf } from '../../../../src/slack/workspace/origin.ts';

const ALONE = { teamId: 'T1', enterpriseId: null };
const GRID = { teamId: 'T1', enterpriseId: 'E1' };
const event = (more: object): object => ({ type: 'event_callback', event: { type: 'user_change' }, ...more });
const click = (more: object): object => ({ type: 'block_actions', user: { id: 'U1' }, enterprise: null, ...more });
const e1 = { id: 'E1', name: 'Acme' };

describe('of a workspace that belongs to', () => {
  it.each<[string, object, boolean, boolean]>([
    // what · payload · alone · in a Grid
    ['a command here', { command: '/access', team_id: 'T1' }, true, true],
    [
      'a command that leaves out what it can',
      { command: '/access', team_id: 'T1', is_enterprise_install: null },
      true,
      true,
    ],
    ['a command elsewhere', { command: '/access', team_id: 'T2' }, false, false],
    [
      'a command of an organisation-wide app',
      { command: '/access', team_id: 'T1', is_enterprise_install: 'true' },
      false,
      false,
    ],
    ['an event here', event({ team_id: 'T1' }), true, true],
    ['an event elsewhere', event({ team_id: 'T2' }), false, false],
    ['an event of a shared channel', event({ team_id: 'T9', context_team_id: 'T1' }), true, true],
    ['an event authorized here', event({ team_id: 'T9', authorizations: [{ team_id: 'T1' }] }), true, true],
    ['an event authorized elsewhere', event({ team_id: 'T1', authorizations: [{ team_id: 'T2' }] }), false, false],
    [
      'an event of an organisation-wide app',
      event({ team_id: 'T1', authorizations: [{ team_id: 'T1', is_enterprise_install: true }] }),
      false,
      false,
    ],
    ['a click here', click({ team: { id: 'T1' } }), true, true],
    ['a click here, in a Grid', click({ team: { id: 'T1', enterprise_id: 'E1' }, enterprise: e1 }), true, true],
    ['a click of an organisation-wide app', click({ team: { id: 'T1' }, is_enterprise_install: true }), false, false],
    ['a click that names no workspace', click({ team: null }), false, false],
    ['a click of another company, by Slack Connect', click({ team: { id: 'T9' } }), true, true],
    ['a click in another workspace of the Grid', click({ team: { id: 'T2' }, enterprise: e1 }), true, false],
    ['the same, said of the workspace', click({ team: { id: 'T2', enterprise_id: 'E1' } }), true, false],
    [
      'a click that leaves open of which organisation it is',
      { ...click({ team: { id: 'T2' } }), enterprise: undefined },
      true,
      false,
    ],
    [
      'a form of another installation',
      click({ team: { id: 'T9' }, view: { app_installed_team_id: 'T9' } }),
      false,
      false,
    ],
    ['a form by Slack Connect', click({ team: { id: 'T9' }, view: { app_installed_team_id: 'T1' } }), true, true],
    ['nothing that is known', { type: 'block_actions' }, false, false],
    ['what Slack does not document', { event: {}, team_id: 7 }, false, false],
  ])('%s', (_, payload, alone, grid) => {
    expect({ alone: originOf(payload, ALONE).isOurs, grid: originOf(payload, GRID).isOurs }).toEqual({ alone, grid });
  });

  it('is named for the log', () => {
    expect(originOf({ command: '/access', team_id: 'T2' }, ALONE).team).toBe('T2');
    expect(originOf(click({ team: { id: 'T3' } }), GRID).team).toBe('T3');
    expect(originOf(null, GRID).team).toBe('unknown');
  });
});
