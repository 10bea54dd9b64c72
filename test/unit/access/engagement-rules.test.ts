import { describe, expect, it } from 'vitest';
import {
  EngagementRules,
  groupsOf,
  isSameHuman,
  labelsOf,
  mayOpen,
  mayReviewAtAll,
  NO_ENGAGEMENT_RULES,
  targetNotToOpen,
  vendorKey,
} from '../../../src/access/engagement-rules.ts';
import type { Person } from '../../../src/access/person.ts';
import { Target } from '../../../src/access/target.ts';
import { later, NOON, person } from '../../support/samples/samples.ts';

const target = (id: string, labels: Record<string, string> = {}) =>
  Target.parse({ id, name: id, address: '192.0.2.1', host_keys: ['ssh-ed25519 AAAA'], labels, logins: ['deploy'] });
const web = target('web-01', { env: 'staging', role: 'web' });
const db = target('db-01', { env: 'production' });
const bare = target('bare-01');
const NO_GROUPS = new Map<string, Date>();
const accounts = (...userIds: readonly string[]): Person =>
  person(1, { accounts: userIds.map((userId) => ({ teamId: 'T1', userId, enterpriseId: null })) });

describe('who may open an engagement', () => {
  it.each([
    ['nobody without a rule', {}, [web], 'web-01'],
    ['anybody for every target', { openers: [{ people: 'any' }] }, [web, db, bare], null],
    ['who is named', { openers: [{ people: ['U1'] }] }, [web, db], null],
    ['nobody else', { openers: [{ people: ['U2'] }] }, [web], 'web-01'],
    ['for targets by name', { openers: [{ people: ['U1'], targets: ['web-01'] }] }, [web, db], 'db-01'],
    ['for targets by label', { openers: [{ people: ['U1'], labels: { env: 'staging' } }] }, [web, db], 'db-01'],
    ['by all labels', { openers: [{ people: ['U1'], labels: { env: 'staging', role: 'db' } }] }, [web], 'web-01'],
    [
      'for targets by name and label',
      { openers: [{ people: ['U1'], targets: ['web-01'], labels: { env: 'x' } }] },
      [web],
      'web-01',
    ],
    ['for no target at all', { openers: [{ people: ['U1'], targets: [] }] }, [bare], 'bare-01'],
    [
      'by a label that is there but says something else',
      { openers: [{ people: ['U1'], labels: { env: '' } }] },
      [bare],
      'bare-01',
    ],
    [
      'by several rules together',
      {
        openers: [
          { people: ['U1'], labels: { env: 'staging' } },
          { people: ['U1'], targets: ['db-01'] },
        ],
      },
      [web, db],
      null,
    ],
    [
      'not by another’s rule',
      {
        openers: [
          { people: ['U1'], labels: { env: 'staging' } },
          { people: ['U2'], targets: ['db-01'] },
        ],
      },
      [web, db],
      'db-01',
    ],
  ] as const)('%s', (_, rules, targets, refused) => {
    const parsed = EngagementRules.parse(rules);
    expect(targetNotToOpen(parsed, person(1), NO_GROUPS, targets, NOON)?.id ?? null).toBe(refused);
  });

  it('is somebody of a group since a day', () => {
    const rules = EngagementRules.parse({ openers: [{ groups: ['S1A'] }] });
    expect(mayOpen(rules, person(1), new Map([['S1A', later(-86_400)]]), NOON)).toBe(true);
    expect(mayOpen(rules, person(1), new Map([['S1A', later(-86_399)]]), NOON)).toBe(false);
    expect(mayOpen(rules, person(1), NO_GROUPS, NOON)).toBe(false);
    expect(mayOpen(NO_ENGAGEMENT_RULES, person(1), new Map([['S1A', later(-86_400)]]), NOON)).toBe(false);
  });

  it('is who is named by any account, or is in any of the groups', () => {
    const rules = EngagementRules.parse({ openers: [{ people: ['U2', 'U9'], groups: ['S1A', 'S2B'] }] });
    const day = later(-86_400);
    expect(mayOpen(rules, accounts('U1', 'U9'), NO_GROUPS, NOON)).toBe(true);
    expect(mayOpen(rules, accounts('U1', 'U8'), NO_GROUPS, NOON)).toBe(false);
    expect(mayOpen(rules, accounts('U1'), new Map([['S2B', day]]), NOON)).toBe(true);
    expect(mayOpen(rules, accounts('U1'), new Map([['S3C', day]]), NOON)).toBe(false);
    const second = EngagementRules.parse({ openers: [{ people: ['U2'] }, { people: ['U1'] }] });
    expect(mayOpen(second, person(1), NO_GROUPS, NOON)).toBe(true);
    expect(mayOpen(second, person(3), NO_GROUPS, NOON)).toBe(false);
  });

  it('is compared by label, and by target where there is none', () => {
    expect(labelsOf([web, bare, web])).toEqual(['env=staging', 'role=web', 'target bare-01']);
  });

  it.each([
    { openers: [{ people: ['casey'] }] },
    { reviewers: { groups: ['G123'] } },
    { one_person: [['U123']] },
    { openers: [{ people: 'everybody' }] },
    { unknown: true },
  ])('is refused at start where it is written wrong: %j', (rules) => {
    expect(EngagementRules.safeParse(rules).success).toBe(false);
  });
});

describe('who may review', () => {
  it.each([
    ['nobody', {}, false],
    ['anybody', { reviewers: { people: 'any' } }, true],
    ['who is named', { reviewers: { people: ['U1'] } }, true],
    ['nobody else', { reviewers: { people: ['U2'] }, openers: [{ people: 'any' }] }, false],
  ] as const)('is %s', (_, rules, expected) => {
    expect(mayReviewAtAll(EngagementRules.parse(rules), person(1), NO_GROUPS, NOON)).toBe(expected);
  });

  it('is read from the groups of openers and reviewers, each once', () => {
    const openers = [{ groups: ['S1', 'S2'] }, { people: 'any' }, { groups: ['S2', 'S3'] }];
    expect(groupsOf(EngagementRules.parse({ openers, reviewers: { groups: ['S3', 'S4'] } }))).toEqual([
      ...['S1', 'S2', 'S3', 'S4'],
    ]);
    expect(groupsOf(NO_ENGAGEMENT_RULES)).toEqual([]);
  });
});

describe('one human', () => {
  const sets = {
    one_person: [
      ['U7', 'U8'],
      ['U1', 'U9', 'U3'],
    ],
  };
  it.each([
    ['is oneself', person(1), person(1), true],
    ['has accounts of one set', person(1), person(3), true],
    ['has accounts of one set, whichever of them', accounts('U5', 'U9'), person(3), true],
    ['has not accounts of two sets', person(1), person(7), false],
    ['has no account of another', person(1), person(2), false],
  ] as const)('%s', (_, a, b, expected) => {
    expect(isSameHuman(sets, a, b)).toBe(expected);
    expect(isSameHuman(sets, b, a)).toBe(expected);
  });
});

it.each([
  ['Acme GmbH', 'acmegmbh'],
  [' ACME\tGmbH\n', 'acmegmbh'],
  // Capital letters of some names have no small ones of their own.
  ['Stra\u00dfe', 'strasse'],
  ['\uff21\uff43\uff4d\uff45', 'acme'],
  ['Ac\u200bme', 'acme'],
])('the vendor %j reads as %s', (name, key) => {
  expect(vendorKey(name)).toBe(key);
});
