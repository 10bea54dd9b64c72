import { describe, expect, it } from 'vitest';
import { EngagementRules, NO_ENGAGEMENT_RULES } from '../../../src/access/engagement-rules.ts';
import {
  humansAmong,
  isEligibleReviewer,
  mayNotReview,
  type ReviewerFacts,
  whyNotChosen,
} from '../../../src/access/review.ts';
import { engagement, later, NOON, pending, person, personId } from '../../support/samples/samples.ts';

const ANY = EngagementRules.parse({ reviewers: { people: 'any' } });
type Change = {
  rules?: EngagementRules;
  facts?: Partial<ReviewerFacts>;
  of?: Partial<ReturnType<typeof engagement>>;
  request?: Parameters<typeof pending>[0];
};

describe('who may review', () => {
  const verdict = (reviewer: ReturnType<typeof person>, { rules = ANY, facts, of, request }: Change = {}) => {
    const within = engagement(of);
    const asked = pending(request);
    const people = {
      requester: person(1),
      sponsor: person(4),
      members: [person(1)],
      before: asked.reviews.map((_, n) => person(n + 3)),
    };
    const about = { request: asked, engagement: within };
    return (
      mayNotReview(rules, about, { reviewer, vendors: [], inGroups: new Map(), ...facts }, people, NOON)?.code ?? 'may'
    );
  };

  it('is an active full member whom the engagement and policy name', () => {
    expect(verdict(person(2))).toBe('may');
    expect(verdict(person(2), { facts: { vendors: ['Other vendor'] } })).toBe('may');
    expect(verdict(person(2), { rules: EngagementRules.parse({ reviewers: { people: ['U2'] } }) })).toBe('may');
    expect(verdict(person(2), { rules: EngagementRules.parse({ reviewers: { people: ['U3'] } }) })).toBe(
      'not_a_reviewer',
    );
    expect(verdict(person(2), { rules: NO_ENGAGEMENT_RULES })).toBe('not_a_reviewer');
  });

  it('is somebody of a group since a day, and not who was added a moment ago', () => {
    const rules = EngagementRules.parse({ reviewers: { groups: ['S1A'] } });
    const since = (seconds: number, group = 'S1A') => ({
      rules,
      facts: { inGroups: new Map([[group, later(seconds)]]) },
    });
    expect(verdict(person(2), since(-24 * 3_600))).toBe('may');
    expect(verdict(person(2), since(-24 * 3_600 + 1))).toBe('not_a_reviewer');
    expect(verdict(person(2), since(-48 * 3_600, 'S2B'))).toBe('not_a_reviewer');
    expect(verdict(person(2), { rules })).toBe('not_a_reviewer');
  });

  it('is not the requester, whichever of their accounts they use', () => {
    const twoAccounts = person(1, {
      accounts: [
        { teamId: 'T1', userId: 'U1', enterpriseId: null },
        { teamId: 'T1', userId: 'U9', enterpriseId: null },
      ],
    });
    expect(verdict(twoAccounts, { of: { reviewerIds: [personId(1)] } })).toBe('own_request');
    const rules = EngagementRules.parse({ reviewers: { people: 'any' }, one_person: [['U1', 'U2']] });
    expect(verdict(person(2), { rules })).toBe('own_request');
  });

  it('is not who opened the engagement, through whichever account, unless policy says so', () => {
    const of = { sponsorId: personId(4), reviewerIds: [personId(4), personId(5)] };
    expect(verdict(person(4), { of })).toBe('own_engagement');
    const known = { reviewers: { people: 'any' }, one_person: [['U4', 'U5']] } as const;
    const sets = { ...known, one_person: known.one_person.map((set) => [...set]) };
    expect(verdict(person(5), { of, rules: EngagementRules.parse(sets) })).toBe('own_engagement');
    expect(verdict(person(5), { of })).toBe('may');
    expect(verdict(person(4), { of, rules: EngagementRules.parse({ ...sets, own_review: true }) })).toBe('may');
  });

  it('is one human once, however many accounts approve', () => {
    const rules = EngagementRules.parse({ reviewers: { people: 'any' }, one_person: [['U2', 'U3']] });
    const reviews = [{ reviewerId: personId(3), verdict: 'approve', comment: null, at: NOON }] as const;
    expect(verdict(person(2), { rules, request: { approvals: 2, reviews } })).toBe('already_reviewed');
    expect(verdict(person(2), { request: { approvals: 2, reviews } })).toBe('may');
  });

  it('is not a guest, an external, a deactivated account, a colleague of the vendor, a stranger or a fellow member', () => {
    expect(verdict(person(2, { standing: 'guest' }))).toBe('not_a_reviewer');
    expect(verdict(person(2, { standing: 'external' }))).toBe('not_a_reviewer');
    expect(verdict(person(2, { active: false }))).toBe('person_inactive');
    expect(verdict(person(5))).toBe('not_a_reviewer');
    expect(verdict(person(2), { of: { memberIds: [personId(1), personId(2)] } })).toBe('not_a_reviewer');
  });

  it.each(['Acme', 'ACME', ' acme ', 'A c m e', 'Ａｃｍｅ', 'ac\u00adme', 'A\u200bcme'])(
    'is nobody of the same vendor, however it is written: %j',
    (vendor) => expect(verdict(person(2), { facts: { vendors: [vendor] } })).toBe('not_a_reviewer'),
  );
});

it('who has approved through another account is told when', () => {
  const rules = EngagementRules.parse({ reviewers: { people: 'any' }, one_person: [['U2', 'U3']] });
  const review = (n: number, at: Date) => ({ reviewerId: personId(n), verdict: 'approve' as const, comment: null, at });
  const reviews = [review(5, later(10)), review(3, later(20)), review(2, later(30))];
  const people = { requester: person(1), sponsor: person(4), members: [], before: [person(5), person(3), person(2)] };
  const facts = { reviewer: person(2), vendors: [], inGroups: new Map() };
  const about = { request: pending({ approvals: 3, reviews }), engagement: engagement() };
  expect(mayNotReview(rules, about, facts, people, NOON)).toEqual({ code: 'already_reviewed', at: later(20) });
  // Their own review is for the request to answer.
  const own = { ...people, before: [person(5), person(2)] };
  expect(mayNotReview(rules, about, facts, own, NOON)).toBeNull();
});

describe('a reviewer who is chosen', () => {
  const one_person = [
    ['U4', 'U5'],
    ['U1', 'U6'],
  ];
  const rules = (more: object = {}) => EngagementRules.parse({ reviewers: { people: 'any' }, one_person, ...more });
  const chosen = (reviewer: ReturnType<typeof person>, within = rules(), vendors: readonly string[] = []) =>
    whyNotChosen(
      within,
      { reviewer, vendors, inGroups: new Map() },
      { sponsor: person(4), members: [person(7), person(1)], vendor: 'Acme' },
      NOON,
    );

  it.each([
    ['somebody else', person(2), rules(), null],
    ['the opener', person(4), rules(), 'opener'],
    ['another account of the opener', person(5), rules(), 'opener_account'],
    ['the opener where policy lets them', person(4), rules({ own_review: true }), null],
    ['a member', person(1), rules(), 'member'],
    ['another account of a member', person(6), rules(), 'member_account'],
    ['somebody inactive', person(2, { active: false }), rules(), 'inactive'],
    ['a guest', person(2, { standing: 'guest' }), rules(), 'not_full_member'],
    ['nobody whom policy names', person(2), rules({ reviewers: { people: ['U3'] } }), 'not_named'],
  ] as const)('is %s', (_, reviewer, within, why) => {
    expect(chosen(reviewer, within)).toBe(why);
  });

  it('works for another vendor', () => {
    expect(chosen(person(2), rules(), ['Other', 'ACME'])).toBe('vendor');
    expect(chosen(person(2), rules(), ['Other'])).toBeNull();
  });

  it('counts once, however many accounts there are', () => {
    expect(humansAmong(rules(), [])).toBe(0);
    expect(humansAmong(rules(), [person(4), person(2), person(5)])).toBe(2);
    expect(humansAmong(rules(), [person(1), person(2), person(3)])).toBe(3);
    expect(humansAmong(rules(), [person(6), person(1), person(6)])).toBe(1);
  });

  it('could review, or could not', () => {
    const facts = { reviewer: person(2), vendors: ['Other'], inGroups: new Map() };
    expect(isEligibleReviewer(rules(), facts, 'Acme', NOON)).toBe(true);
    expect(isEligibleReviewer(rules(), facts, 'OTHER', NOON)).toBe(false);
  });
});
