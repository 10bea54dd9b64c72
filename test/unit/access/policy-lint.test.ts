import { describe, expect, it } from 'vitest';
import { Policy } from '../../../src/access/policy.ts';
import { lintPolicy } from '../../../src/access/policy-lint.ts';
import { BUILT_IN_SCOPES } from '../../../src/access/scopes/scope.ts';
import { Target } from '../../../src/access/target.ts';

const target = (id: string, env: string, logins = ['deploy']) =>
  Target.parse({ id, name: id, address: '192.0.2.1', host_keys: ['ssh-ed25519 AAAA'], labels: { env }, logins });
const TARGETS = [target('web-01', 'staging', ['deploy', 'root']), target('db-01', 'production')];
const ENGAGEMENT = '5f0c2f0e-6f0a-4b0e-9c51-0c1f3b0c7a11';
const found = (...rules: readonly object[]) =>
  lintPolicy(Policy.parse({ rules }), BUILT_IN_SCOPES, TARGETS).map((finding) => {
    const { kind, ...about } = finding;
    return [kind, ...Object.values(about)];
  });

describe('a policy', () => {
  it('in which each rule decides something has nothing to be found', () => {
    expect(found({ name: 'root', logins: ['root'] }, { name: 'guests', people: ['guest'] }, { name: 'all' })).toEqual(
      [],
    );
    expect(found({ name: 'vendor', vendors: ['Northwind'] }, { name: 'all' })).toEqual([]);
    expect(found({ name: 'one', engagements: [ENGAGEMENT] }, { name: 'all' })).toEqual([]);
    expect(
      found(
        { name: 'both', vendors: ['Northwind'], engagements: [ENGAGEMENT] },
        { name: 'v', vendors: ['Northwind'] },
        { name: 'all' },
      ),
    ).toEqual([]);
  });

  it('has rules that decide nothing', () => {
    expect(found({ name: 'all' }, { name: 'staging', labels: { env: 'staging' } })).toEqual([
      ['rule_shadowed', 'staging', ['all']],
    ]);
    expect(
      found(
        { name: 'staging', labels: { env: 'staging' } },
        { name: 'production', labels: { env: 'production' } },
        { name: 'rest' },
      ),
    ).toEqual([['rule_shadowed', 'rest', ['staging', 'production']]]);
    expect(found({ name: 'test', labels: { env: 'test' } }, { name: 'all' })).toEqual([['rule_without_match', 'test']]);
    expect(found({ name: 'no root there', targets: ['db-01'], logins: ['root'] }, { name: 'all' })).toEqual([
      ['rule_without_match', 'no root there'],
    ]);
    expect(found({ name: 'all' }, { name: 'vendor', vendors: ['Northwind'] })).toEqual([
      ['rule_shadowed', 'vendor', ['all']],
    ]);
  });

  it('leaves targets and scopes to nobody', () => {
    expect(found({ name: 'shells in staging', scopes: ['shell'], labels: { env: 'staging' } })).toEqual([
      ['target_without_rule', 'db-01'],
      ...BUILT_IN_SCOPES.filter(({ name }) => name !== 'shell').map(({ name }) => ['scope_without_rule', name]),
    ]);
  });
});
