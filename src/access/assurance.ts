/**
 * What an approval takes, the weakest first: a click in Slack, a signature with the reviewer's registered SSH key as well, or one that a
 * FIDO key made.
 */
export const ASSURANCES = ['slack', 'signed', 'fido'] as const;
export type Assurance = (typeof ASSURANCES)[number];

export const strictest = (some: readonly Assurance[]): Assurance =>
  ASSURANCES.findLast((each) => some.includes(each)) ?? 'slack';
