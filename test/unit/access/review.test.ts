import { describe, expect, it } from 'vitest';
import { EngagementRules, NO_ENGAGEMENT_RULES } from '../../../src/access/engagement-rules.ts';
import { mayNotReview, type ReviewerFacts } from '../../../src/access/review.ts';
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
