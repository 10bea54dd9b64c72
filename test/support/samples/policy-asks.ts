import type { Policy } from '../../../src/access/policy.ts';
import { decide as decided, type PolicyAsk, type PolicyDecision } from '../../../src/access/policy-decision.ts';
import { ScopeName } from '../../../src/access/scopes/scope.ts';
import { Target } from '../../../src/access/target.ts';
import { engagementId, login, NOON } from './samples.ts';

export const target = (labels: Record<string, string>): Target =>
  Target.parse({
    id: 'web-01',
    name: 'Web',
    address: '192.0.2.1',
    host_keys: ['ssh-ed25519 AAAA'],
    labels,
    logins: ['deploy'],
  });

export const shell = ScopeName.parse('shell');
export const files = ScopeName.parse('files-rw');
export const production = target({ env: 'production' });
export const staging = target({ env: 'staging' });
export const USUAL: Omit<PolicyAsk, 'scope' | 'targets' | 'durationSeconds'> = {
  ...{ login: login('deploy'), standing: 'guest', ticket: null },
  engagement: { id: engagementId(1), vendor: 'Northwind Data' },
  at: NOON,
};
export const decide = (
  rules: Policy,
  ask: Pick<PolicyAsk, 'scope' | 'targets' | 'durationSeconds'> & Partial<PolicyAsk>,
): PolicyDecision => decided(rules, { ...USUAL, ...ask });
