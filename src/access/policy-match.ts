import { vendorKey } from './engagement-rules.ts';
import type { EngagementId, Login } from './ids.ts';
import type { Standing } from './person.ts';
import type { Rule } from './policy.ts';
import type { ScopeName } from './scopes/scope.ts';
import type { Target } from './target.ts';

/** What rules are matched against, beside a target. */
export type PolicyMatch = {
  readonly scope: ScopeName;
  readonly login: Login;
  /** Of whoever asks. */
  readonly standing: Standing;
  /** `id` is null for one that is not open yet. */
  readonly engagement: { readonly id: EngagementId | null; readonly vendor: string };
};

/** Why a rule does not decide: the first of its conditions that does not hold. */
export type Mismatch = {
  readonly condition: 'scopes' | 'targets' | 'labels' | 'logins' | 'people' | 'vendors' | 'engagements';
  /** As the rule says it; a label is `key=value`. */
  readonly wanted: readonly string[];
  readonly got: string;
};

/** Each condition of a rule by itself. One that a rule leaves out holds. */
export const holds = {
  scopes: ({ scopes }: Rule, scope: ScopeName): boolean => !scopes || scopes.includes(scope),
  logins: ({ logins }: Rule, login: Login): boolean => !logins || logins.includes(login),
  people: ({ people }: Rule, standing: Standing): boolean => !people || people.includes(standing),
  engagements: ({ engagements }: Rule, id: EngagementId | null): boolean =>
    !engagements || (id !== null && engagements.includes(id)),
  vendors: ({ vendors }: Rule, vendor: string): boolean => !vendors || hasVendor(vendors, vendor),
  targets: ({ targets }: Rule, { id }: Target): boolean => !targets || targets.includes(id),
  labels: (rule: Rule, target: Target): boolean => labelUnlike(rule, target) === null,
};

/** Whether a rule is for whoever asks, for this; of which target does not matter. */
export const isForAsk = (rule: Rule, { scope, login, standing, engagement }: PolicyMatch): boolean =>
  holds.scopes(rule, scope) &&
  holds.logins(rule, login) &&
  holds.people(rule, standing) &&
  holds.engagements(rule, engagement.id) &&
  holds.vendors(rule, engagement.vendor);

export const isForTarget = (rule: Rule, target: Target): boolean =>
  holds.targets(rule, target) && holds.labels(rule, target);

export const labelOf = ({ labels }: Target, key: string): string | undefined =>
  Object.hasOwn(labels, key) ? labels[key] : undefined;

/** Null where the rule is for this. */
export function mismatch(rule: Rule, ask: PolicyMatch, target: Target): Mismatch | null {
  const { engagement } = ask;
  const conditions = [
    ['scopes', holds.scopes(rule, ask.scope), ask.scope],
    ['targets', holds.targets(rule, target), target.id],
    ['logins', holds.logins(rule, ask.login), ask.login],
    ['people', holds.people(rule, ask.standing), ask.standing],
    ['engagements', holds.engagements(rule, engagement.id), engagement.id ?? 'a new one'],
    ['vendors', holds.vendors(rule, engagement.vendor), engagement.vendor],
  ] as const;
  for (const [condition, isMet, got] of conditions) {
    if (!isMet) return { condition, wanted: rule[condition] ?? [], got };
  }
  const key = labelUnlike(rule, target);
  if (key === null) return null;
  const label = labelOf(target, key);
  const got = label === undefined ? `no ${key}` : `${key}=${label}`;
  return { condition: 'labels', wanted: [`${key}=${rule.labels?.[key]}`], got };
}

/** The first label that the target does not have as the rule wants it. */
function labelUnlike({ labels }: Rule, target: Target): string | null {
  if (!labels) return null;
  return Object.keys(labels).find((key) => labelOf(target, key) !== labels[key]) ?? null;
}

function hasVendor(vendors: readonly string[], vendor: string): boolean {
  const key = vendorKey(vendor);
  return vendors.some((each) => vendorKey(each) === key);
}
