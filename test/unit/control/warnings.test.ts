import { expect, it } from 'vitest';
import { Policy } from '../../../src/access/policy.ts';
import type { Config } from '../../../src/config/load.ts';
import { startWarnings } from '../../../src/control/warnings.ts';
import { ANYBODY } from '../../support/worlds/access-world.ts';

it.each([
  ['127.0.0.1', false],
  ['::1', false],
  ['localhost', false],
  ['0.0.0.0', true],
  ['192.0.2.1', true],
])('of HTTP without TLS on %s: %s', (host, isWarned) => {
  const policy = Policy.parse({ rules: [{ name: 'one', max_duration: 'PT1H' }], engagements: ANYBODY });
  const slack = { transport: 'http', http: { host, port: 3000, path: '/slack/events' } };
  const warnings = startWarnings({ policy, slack, recordings: { recipients: [] } } as unknown as Config);
  expect(warnings.filter((warning) => warning.includes('without TLS'))).toHaveLength(isWarned ? 1 : 0);
});
