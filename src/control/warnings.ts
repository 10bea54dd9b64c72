import { policyGaps } from '../access/policy.ts';
import type { Config } from '../config/load.ts';
import { mixesKinds } from '../recording/format/wrapped-key.ts';

const MIXED_RECIPIENTS =
  'recordings.recipients mixes post-quantum recipients (age1pq1…) with others: anyone who breaks the others can still read every recording';

/** What starts all the same, and is hardly meant: `serve` logs it, `serve --check` prints it. */
export const startWarnings = ({ policy, recordings }: Config): string[] => [
  ...(mixesKinds(recordings.recipients) ? [MIXED_RECIPIENTS] : []),
  ...policyGaps(policy).map((gap) => `${gap}; see docs/policy.md for the lines to add`),
];
