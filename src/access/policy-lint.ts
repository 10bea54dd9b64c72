import { STANDINGS } from './person.ts';
import type { Policy, Rule } from './policy.ts';
import { decisiveRule, type PolicyMatch } from './policy-decision.ts';
import type { Scope, ScopeName } from './scopes/scope.ts';
import type { Target } from './target.ts';

/** What is probably a mistake in a policy that is valid. */
export type PolicyFinding =
  /** Nothing in the inventory matches it. */
  | { readonly kind: 'rule_without_match'; readonly rule: string }
  /** Everything that it matches is decided by these, which stand before it. */
  | { readonly kind: 'rule_shadowed'; readonly rule: string; readonly by: readonly string[] }
  | { readonly kind: 'target_without_rule'; readonly target: string }
  | { readonly kind: 'scope_without_rule'; readonly scope: ScopeName };

type Place = { readonly target: Target; readonly match: PolicyMatch };

/** Tries every scope, target, login and kind of person there is, with each vendor and engagement that a rule names, and with none. */
export function lintPolicy(policy: Policy, scopes: readonly Scope[], targets: readonly Target[]): PolicyFinding[] {
  const decisive = new Set<Rule>();
  const covered = { targets: new Set<Target>(), scopes: new Set<ScopeName>() };
  const before = new Map<Rule, Set<string>>(policy.rules.map((rule) => [rule, new Set()]));
  for (const place of placesOf(policy, scopes, targets)) {
    const rule = decisiveRule(policy, place.match, place.target);
    if (!rule) continue;
    decisive.add(rule);
    covered.targets.add(place.target);
    covered.scopes.add(place.match.scope);
    for (const later of policy.rules.slice(policy.rules.indexOf(rule) + 1)) {
      if (decisiveRule({ rules: [later] }, place.match, place.target)) before.get(later)?.add(rule.name);
    }
  }
  return [
    ...policy.rules.flatMap((rule): PolicyFinding[] => {
      if (decisive.has(rule)) return [];
      const by = [...(before.get(rule) ?? [])];
      return by.length === 0
        ? [{ kind: 'rule_without_match', rule: rule.name }]
        : [{ kind: 'rule_shadowed', rule: rule.name, by }];
    }),
    ...targets.flatMap((target): PolicyFinding[] =>
      covered.targets.has(target) ? [] : [{ kind: 'target_without_rule', target: target.id }],
    ),
    ...scopes.flatMap(({ name }): PolicyFinding[] =>
      covered.scopes.has(name) ? [] : [{ kind: 'scope_without_rule', scope: name }],
    ),
  ];
}

function* placesOf(policy: Policy, scopes: readonly Scope[], targets: readonly Target[]): Generator<Place> {
  const engagements = engagementsIn(policy);
  for (const target of targets) {
    for (const { name: scope } of scopes) {
      for (const login of target.logins) {
        for (const standing of STANDINGS) {
          for (const engagement of engagements) yield { target, match: { scope, login, standing, engagement } };
        }
      }
    }
  }
}

/** One that no rule names, and one for each vendor and engagement that a rule names together. */
const engagementsIn = ({ rules }: Policy): readonly PolicyMatch['engagement'][] => [
  { id: null, vendor: '' },
  ...rules
    .filter((rule) => rule.vendors || rule.engagements)
    .flatMap(({ vendors = [''], engagements = [null] }) =>
      vendors.flatMap((vendor) => engagements.map((id) => ({ id, vendor }))),
    ),
];
