import { describe, expect, it } from 'vitest';
import {
  EngagementRules,
  labelsOf,
  mayOpen,
  NO_ENGAGEMENT_RULES,
  targetNotToOpen,
} from '../../../src/access/engagement-rules.ts';
import { Target } from '../../../src/access/target.ts';
import { later, NOON, person } from '../../support/samples/samples.ts';

const target = (id: string, labels: Record<string, string> = {}) =>
  Target.parse({ id, name: id, address: '192.0.2.1', host_keys: ['ssh-ed25519 AAAA'], labels, logins: ['deploy'] });
const web = target('web-01', { env: 'staging', role: 'web' });
const db = target('db-01', { env: 'production' });
const bare = target('bare-01');
const NO_GROUPS = new Map<string, Date>();

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
