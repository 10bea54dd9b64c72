import { policyGaps } from '../access/policy.ts';
import type { Config } from '../config/load.ts';
import { mixesKinds } from '../recording/format/wrapped-key.ts';

const MIXED_RECIPIENTS =
  'recordings.recipients mixes post-quantum recipients (age1pq1…) with others: anyone who breaks the others can still read every recording';

const LOOPBACK: readonly string[] = ['127.0.0.1', '::1', 'localhost'];
const NO_TLS =
  'slack.http.host is not a loopback address, and Daypass listens there without TLS: let only the reverse proxy reach it';

/** What starts all the same, and is hardly meant: `serve` logs it, `serve --check` prints it. */
export const startWarnings = ({ policy, recordings, slack }: Config): string[] => [
  ...(mixesKinds(recordings.recipients) ? [MIXED_RECIPIENTS] : []),
  ...(slack.http && !LOOPBACK.includes(slack.http.host) ? [NO_TLS] : []),
  ...policyGaps(policy).map((gap) => `${gap}; see docs/policy.md for the lines to add`),
];
