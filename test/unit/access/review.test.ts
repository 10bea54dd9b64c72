import { describe, expect, it } from 'vitest';
import { mayNotReview } from '../../../src/access/review.ts';
import { engagement, pending, person, personId } from '../../support/samples.ts';

describe('who may review', () => {
  const verdict = (...given: Parameters<typeof mayNotReview> extends [unknown, unknown, ...infer R] ? R : never) =>
    mayNotReview(pending(), engagement(), ...given)?.code ?? 'may';

  it('is an active full member whom the engagement names', () => {
    expect(verdict(person(2), [])).toBe('may');
    expect(verdict(person(2), ['Other vendor'])).toBe('may');
  });

  it('is not the requester, whichever of their accounts they use', () => {
    const named = engagement({ reviewerIds: [personId(1)] });
    const twoAccounts = person(1, {
      accounts: [
        { teamId: 'T1', userId: 'U1', enterpriseId: null },
        { teamId: 'T1', userId: 'U9', enterpriseId: null },
      ],
    });
    expect(mayNotReview(pending(), named, twoAccounts, [])?.code).toBe('own_request');
  });

  it('is not a guest, an external, a deactivated account, a colleague of the vendor, a stranger or a fellow member', () => {
    expect(verdict(person(2, { standing: 'guest' }), [])).toBe('not_a_reviewer');
    expect(verdict(person(2, { standing: 'external' }), [])).toBe('not_a_reviewer');
    expect(verdict(person(2, { active: false }), [])).toBe('person_inactive');
    expect(verdict(person(2), ['Acme'])).toBe('not_a_reviewer');
    expect(verdict(person(5), [])).toBe('not_a_reviewer');
    const fellow = engagement({ memberIds: [personId(1), personId(2)] });
    expect(mayNotReview(pending(), fellow, person(2), [])?.code).toBe('not_a_reviewer');
  });
});
