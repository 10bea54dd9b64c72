import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EngagementId } from '../../../src/access/ids.ts';
import { STANDINGS } from '../../../src/access/person.ts';
import { Policy, type Rule } from '../../../src/access/policy.ts';
import { lintPolicy, type PolicyFinding } from '../../../src/access/policy-lint.ts';
import { mismatch } from '../../../src/access/policy-match.ts';
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

  it('is found to have what trying every request there is would find', () => {
    const some = <T>(...values: readonly T[]) =>
      fc.option(fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 }), { nil: undefined });
    const rule = fc.record({
      targets: some('web-01', 'db-01', 'gone-01'),
      labels: fc.option(fc.record({ env: fc.constantFrom('staging', 'production', 'test') }), { nil: undefined }),
      scopes: some('shell', 'files-ro'),
      logins: some('deploy', 'root', 'nobody'),
      people: some(...STANDINGS),
      vendors: some('Northwind', 'north wind', 'Acme'),
      engagements: some(ENGAGEMENT, OTHER),
    });
    const several = fc.array(rule, { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(several, (conditions) => {
        const rules = conditions.map((each, index) => ({ name: `rule ${index}`, ...each }));
        const policy = Policy.parse(JSON.parse(JSON.stringify({ rules })));
        expect(lintPolicy(policy, SCOPES, TARGETS)).toEqual(tried(policy));
      }),
      { numRuns: process.env['DAYPASS_LONG'] === '1' ? 5_000 : 150 },
    );
  });
});

const OTHER = '5f0c2f0e-6f0a-4b0e-9c51-0c1f3b0c7a12';
const SCOPES = BUILT_IN_SCOPES.slice(0, 3);

/** Every request there is, one after the other. */
function tried({ rules }: Policy): PolicyFinding[] {
  const engagements = ['', 'Northwind', 'Acme'].flatMap((vendor) =>
    [null, ENGAGEMENT, OTHER].map((id) => ({ id: id === null ? null : EngagementId.parse(id), vendor })),
  );
  const decided = new Set<unknown>();
  const before = new Map<Rule, Set<Rule>>(rules.map((rule) => [rule, new Set()]));
  for (const target of TARGETS)
    for (const { name: scope } of SCOPES)
      for (const login of target.logins)
        for (const standing of STANDINGS)
          for (const engagement of engagements) {
            const ask = { scope, login, standing, engagement };
            const [first, ...later] = rules.filter((rule) => mismatch(rule, ask, target) === null);
            if (!first) continue;
            for (const each of [first, target, scope]) decided.add(each);
            for (const rule of later) before.get(rule)?.add(first);
          }
  const idle = rules.filter((rule) => !decided.has(rule));
  return [
    ...idle.map((rule): PolicyFinding => {
      const by = rules.filter((each) => before.get(rule)?.has(each)).map(({ name }) => name);
      return by.length === 0
        ? { kind: 'rule_without_match', rule: rule.name }
        : { kind: 'rule_shadowed', rule: rule.name, by };
    }),
    ...TARGETS.filter((target) => !decided.has(target)).map(
      ({ id }): PolicyFinding => ({ kind: 'target_without_rule', target: id }),
    ),
    ...SCOPES.filter(({ name }) => !decided.has(name)).map(
      ({ name }): PolicyFinding => ({ kind: 'scope_without_rule', scope: name }),
    ),
  ];
}
