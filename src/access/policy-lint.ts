import type { Login } from './ids.ts';
import { STANDINGS } from './person.ts';
import type { Policy, Rule } from './policy.ts';
import { holds, isForTarget } from './policy-match.ts';
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

/** A set of rules: bit n is the n-th rule of policy, so the lowest one decides. */
type RuleSet = bigint;

/** Things that the same rules are for, which are tried as one. */
type Alike<T> = { readonly rules: RuleSet; readonly of: readonly T[] };

type Place = { readonly matching: RuleSet; readonly targets: Alike<Target>; readonly scopes: Alike<ScopeName> };

/** Tries every scope, target, login and kind of person there is, with each vendor and engagement that a rule names, and with none. */
export function lintPolicy({ rules }: Policy, scopes: readonly Scope[], targets: readonly Target[]): PolicyFinding[] {
  const covered = { targets: new Set<Alike<Target>>(), scopes: new Set<Alike<ScopeName>>() };
  const names = scopes.map(({ name }) => name);
  const dimensions = dimensionsOf(rules, names, targets);
  let decisive: RuleSet = 0n;
  for (const place of placesOf(dimensions)) {
    decisive |= lowest(place.matching);
    covered.targets.add(place.targets);
    covered.scopes.add(place.scopes);
  }
  const idle = allOf(rules) & ~decisive;
  const before = idle === 0n ? [] : decidersBefore(rules, idle, dimensions);
  const [withRule, askable] = [new Set(valuesOf(covered.targets)), new Set(valuesOf(covered.scopes))];
  return [
    ...rules.flatMap((rule, index): PolicyFinding[] => {
      if ((idle & bit(index)) === 0n) return [];
      const by = namesIn(rules, before[index] ?? 0n);
      return by.length === 0
        ? [{ kind: 'rule_without_match', rule: rule.name }]
        : [{ kind: 'rule_shadowed', rule: rule.name, by }];
    }),
    ...targets.flatMap((target): PolicyFinding[] =>
      withRule.has(target) ? [] : [{ kind: 'target_without_rule', target: target.id }],
    ),
    ...names.flatMap((scope): PolicyFinding[] => (askable.has(scope) ? [] : [{ kind: 'scope_without_rule', scope }])),
  ];
}

const bit = (index: number): RuleSet => 1n << BigInt(index);
const lowest = (set: RuleSet): RuleSet => set & -set;
const allOf = (rules: readonly Rule[]): RuleSet => bit(rules.length) - 1n;
const namesIn = (rules: readonly Rule[], set: RuleSet): string[] =>
  rules.filter((_, index) => (set & bit(index)) !== 0n).map(({ name }) => name);
const valuesOf = <T>(groups: Iterable<Alike<T>>): T[] => [...groups].flatMap(({ of }) => of);

/** For each idle rule, by its place in policy, those that decide what it matches. */
function decidersBefore(rules: readonly Rule[], idle: RuleSet, dimensions: Dimensions): RuleSet[] {
  const before = rules.map(() => 0n);
  for (const { matching } of placesOf(dimensions)) {
    const decides = lowest(matching);
    for (let left = matching & idle; left !== 0n; left &= left - 1n) {
      const index = lowest(left).toString(2).length - 1;
      before[index] = (before[index] ?? 0n) | decides;
    }
  }
  return before;
}

type Dimensions = {
  /** With what each login of theirs is matched by. */
  readonly targets: readonly { readonly alike: Alike<Target>; readonly logins: readonly RuleSet[] }[];
  readonly scopes: readonly Alike<ScopeName>[];
  /** Of people, vendors and engagements together. */
  readonly who: readonly RuleSet[];
};

function dimensionsOf(rules: readonly Rule[], scopes: readonly ScopeName[], targets: readonly Target[]): Dimensions {
  const matching = <T>(isMet: (rule: Rule, value: T) => boolean, value: T): RuleSet =>
    rules.reduce((set, rule, index) => (isMet(rule, value) ? set | bit(index) : set), 0n);
  const setsOf = <T>(isMet: (rule: Rule, value: T) => boolean, values: readonly T[]): RuleSet[] =>
    distinct(values.map((value) => matching(isMet, value)));
  const logins = new Map<Login, RuleSet>();
  for (const login of targets.flatMap((target) => target.logins)) {
    if (!logins.has(login)) logins.set(login, matching(holds.logins, login));
  }
  const loginsOf = (target: Target): RuleSet[] => distinct(target.logins.map((login) => logins.get(login) ?? 0n));
  const vendors = ['', ...rules.flatMap((rule) => rule.vendors ?? [])];
  const engagements = [null, ...rules.flatMap((rule) => rule.engagements ?? [])];
  const grouped = grouping(targets, (target) => [matching(isForTarget, target), ...loginsOf(target)]);
  return {
    targets: grouped.map(({ key: [set = 0n, ...own], of }) => ({ alike: { rules: set, of }, logins: own })),
    scopes: grouping(scopes, (scope) => [matching(holds.scopes, scope)]).map(({ key: [set = 0n], of }) => ({
      ...{ rules: set, of },
    })),
    who: [setsOf(holds.vendors, vendors), setsOf(holds.engagements, engagements)].reduce(
      (one, other) => distinct(one.flatMap((set) => other.map((each) => set & each))),
      setsOf(holds.people, STANDINGS),
    ),
  };
}

/** Of what a set has in common with each other one: what is left. */
function* placesOf({ targets, scopes, who }: Dimensions): Generator<Place> {
  for (const { alike, logins } of targets) {
    for (const login of logins) {
      for (const scope of scopes) {
        const where = alike.rules & login & scope.rules;
        if (where === 0n) continue;
        for (const each of who) {
          const matching = where & each;
          if (matching !== 0n) yield { matching, targets: alike, scopes: scope };
        }
      }
    }
  }
}

function grouping<T>(values: readonly T[], keyOf: (value: T) => RuleSet[]): { key: RuleSet[]; of: T[] }[] {
  const groups = new Map<string, { key: RuleSet[]; of: T[] }>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key.join());
    if (group) group.of.push(value);
    else groups.set(key.join(), { key, of: [value] });
  }
  return [...groups.values()];
}

/** Compared as text: V8 hashes a large integer by its last 64 bits alone. */
const distinct = (sets: readonly RuleSet[]): RuleSet[] => [
  ...new Map(sets.map((set) => [set.toString(36), set])).values(),
];
