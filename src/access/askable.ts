import { type Engagement, engagementBegin, isOver } from './engagement.ts';
import type { Login, TargetId } from './ids.ts';
import { offeredDurations, type Policy } from './policy.ts';
import { decide } from './policy-decision.ts';
import { isForAsk } from './policy-match.ts';
import { findScope, type Scope, type ScopeName } from './scopes/scope.ts';
import type { Asker, Today } from './standing-ask.ts';
import type { Target } from './target.ts';

/** What policy lets one person ask for in one engagement: each of these together with some of the others. */
export type Askable = {
  readonly targets: readonly Target[];
  readonly logins: readonly Login[];
  readonly scopes: readonly Scope[];
  /** Seconds, of what the form offers; none where nothing can be asked for. */
  readonly durations: readonly number[];
  /** The longest that is allowed with some of the others; 0 where nothing is. */
  readonly maxSeconds: number;
};

/** Whose ask it is, in which engagement. */
export type AskedIn = Asker & {
  readonly engagement: Pick<
    Engagement,
    'id' | 'vendor' | 'targetIds' | 'scopes' | 'logins' | 'firstDay' | 'lastDay' | 'timeZone' | 'closedAt'
  >;
};

/** The shortest there is: what is not allowed for it is not allowed at all. */
const SHORTEST_SECONDS = 1;

/** The same rules for somebody who names whatever ticket is wanted. */
export const withAnyTicket = (policy: Policy): Policy => ({
  ...policy,
  rules: policy.rules.map((rule) => ({ ...rule, ticket: undefined })),
});

/** The same rules at any time: when access is possible says nothing about what can be asked for. */
const atAnyTime = (policy: Policy): Policy => ({
  ...policy,
  rules: policy.rules.map((rule) => ({ ...rule, hours: undefined })),
});

/** Before the first day and after the end there is nothing to ask for; outside the hours there is what there is within them. */
const isOpen = ({ engagement }: AskedIn, now: Date): boolean => {
  const begins = engagementBegin(engagement);
  return !isOver(engagement, now) && (begins === null || begins <= now);
};

/** Tries each target with each of its logins and each scope of the engagement. */
export function askable(today: Today, asked: AskedIn, now: Date): Askable {
  const policy = atAnyTime(withAnyTicket(today.policy));
  const { requester, engagement } = asked;
  const within = isOpen(asked, now) ? today.targets.filter(({ id }) => engagement.targetIds.includes(id)) : [];
  const loginsIn = [...new Set(within.flatMap((target) => loginsOn(target, engagement)))];
  const targets = new Set<Target>();
  const logins = new Set<Login>();
  const scopes = new Set<Scope>();
  let longest = 0;
  for (const scope of scopesIn(today, engagement)) {
    for (const login of loginsIn) {
      const match = { scope: scope.name, login, standing: requester.standing, engagement };
      // Most rules are for others: each target is held against what is left of them.
      const rules = { ...policy, rules: policy.rules.filter((rule) => isForAsk(rule, match)) };
      for (const target of within.filter((each) => each.logins.includes(login))) {
        const ask = { ...match, targets: [target], durationSeconds: SHORTEST_SECONDS, ticket: null, at: now };
        const decision = decide(rules, ask);
        if (!decision.allowed) continue;
        targets.add(target);
        logins.add(login);
        scopes.add(scope);
        longest = Math.max(longest, decision.maxDurationSeconds);
      }
    }
  }
  return {
    targets: within.filter((target) => targets.has(target)),
    logins: loginsIn.filter((login) => logins.has(login)),
    scopes: [...scopes],
    durations: durationsUpTo(policy, longest),
    maxSeconds: longest,
  };
}

const scopesIn = ({ scopes }: Today, engagement: AskedIn['engagement']): readonly Scope[] =>
  engagement.scopes.flatMap((name) => findScope(scopes, name) ?? []);

const loginsOn = ({ logins }: Target, engagement: AskedIn['engagement']): readonly Login[] =>
  logins.filter((login) => engagement.logins?.includes(login) ?? true);

/** Where what is offered is too long, the longest that is allowed takes its place. */
function durationsUpTo(policy: Policy, seconds: number): readonly number[] {
  if (seconds === 0) return [];
  const offered = offeredDurations(policy).filter((each) => each <= seconds);
  return offered.length > 0 ? offered : [seconds];
}

/** What would be allowed instead of an ask that no rule allows. */
export type Instead = {
  /** Those of its targets that no rule covers. */
  readonly without: readonly TargetId[];
  /** Allowed on all of its targets with the same login. */
  readonly scopes: readonly ScopeName[];
  /** Allowed on all of its targets with the same scope. */
  readonly logins: readonly Login[];
};

export function insteadOf(
  today: Today,
  { requester, engagement }: AskedIn,
  ask: { readonly targets: readonly Target[]; readonly login: Login; readonly scope: ScopeName },
  now: Date,
): Instead {
  const policy = atAnyTime(withAnyTicket(today.policy));
  const isAllowed = (change: Partial<typeof ask>): boolean =>
    decide(policy, {
      ...{ ...ask, ...change, durationSeconds: SHORTEST_SECONDS, ticket: null },
      ...{ standing: requester.standing, engagement, at: now },
    }).allowed;
  const [first, ...others] = ask.targets;
  const shared = (first ? loginsOn(first, engagement) : []).filter((login) =>
    others.every(({ logins }) => logins.includes(login)),
  );
  return {
    without: ask.targets.filter((target) => !isAllowed({ targets: [target] })).map(({ id }) => id),
    scopes: scopesIn(today, engagement).flatMap(({ name }) => (isAllowed({ scope: name }) ? name : [])),
    logins: shared.filter((login) => isAllowed({ login })),
  };
}
