import { strictest } from './assurance.ts';
import type { Engagement } from './engagement.ts';
import { demandOf, strictestDemand } from './key-demand.ts';
import type { Person } from './person.ts';
import type { Policy } from './policy.ts';
import { decide, type PolicyDenial } from './policy-decision.ts';
import type { NoLongerAllowed, RejectionOf } from './rejection.ts';
import { type AccessRequest, RULE_BREAK } from './request.ts';
import { ok, type Result, refuse } from './result.ts';
import { findScope, includesScope, type Scope } from './scopes/scope.ts';
import { pin, samePin, type Target } from './target.ts';

/** What policy and inventory say at this moment. */
export type Today = {
  readonly policy: Policy;
  readonly scopes: readonly Scope[];
  readonly targets: readonly Target[];
};

/** Whose request it is, and in what. */
export type Asker = {
  readonly requester: Pick<Person, 'standing'>;
  readonly engagement: Pick<Engagement, 'id' | 'vendor'>;
};

/** `until` is when the hours of policy end, and access with them; null where it has none. */
export type Held<Request> = { readonly request: Request; readonly until: Date | null };

/**
 * A request as today's policy wants it reviewed: the stricter of what it was asked under and what holds now counts, so that a policy
 * that is tightened while a request waits is not too late, and one that is loosened lowers nothing. Refused where it could not be
 * asked for any more.
 */
export function heldToPolicy<Request extends AccessRequest>(
  today: Today,
  request: Request,
  { requester, engagement }: Asker,
  now: Date,
): Result<Held<Request>, RejectionOf<'target_changed' | 'no_longer_allowed'>> {
  const { ask } = request;
  const targets: Target[] = [];
  for (const approved of ask.targets) {
    const target = today.targets.find((each) => each.id === approved.id);
    if (!target || !samePin(pin(target), approved)) return refuse({ code: 'target_changed', targetId: approved.id });
    if (!target.logins.includes(ask.login))
      return refuse(gone({ kind: 'login', login: ask.login, targetId: target.id }));
    targets.push(target);
  }
  const scope = findScope(today.scopes, ask.scope.name);
  if (!scope || !isWithin(ask.scope, scope)) return refuse(gone({ kind: 'scope', scope: ask.scope.name }));
  const { login, durationSeconds, ticket } = ask;
  const asked = { scope: scope.name, targets, login, durationSeconds, ticket };
  const decision = decide(today.policy, { ...asked, standing: requester.standing, engagement, at: now });
  if (!decision.allowed) return refuse(gone(denied(decision.reason, scope)));
  const { until, keys } = decision;
  // A key that was asked for stays the one that it is: what more is wanted of it has to be asked for.
  if (strictestDemand([keys, demandOf(ask)]) !== demandOf(ask)) {
    const rule = decision.rules.join(RULE_BREAK);
    return refuse(gone({ kind: 'keys', rule, verified: keys === 'fido_verified' }));
  }
  const approvals = Math.max(request.approvals, decision.approvals);
  const assurance = strictest([request.assurance, decision.assurance]);
  if (approvals === request.approvals && assurance === request.assurance) return ok({ request, until });
  return ok({ request: { ...request, approvals, assurance, rule: decision.rules.join(RULE_BREAK) }, until });
}

/** The same for whoever looks at it outside the hours of policy: as it will be reviewed within them. */
export function shownUnderPolicy<Request extends AccessRequest>(
  today: Today,
  request: Request,
  asker: Asker,
  now: Date,
): Request {
  const held = heldToPolicy(today, request, asker, now);
  if (held.ok) return held.value.request;
  const { rejection } = held;
  const opens = rejection.code === 'no_longer_allowed' && rejection.why.kind === 'hours' ? rejection.why.opens : null;
  const later = opens && heldToPolicy(today, request, asker, opens);
  return later?.ok ? later.value.request : request;
}

function denied(reason: PolicyDenial, scope: Scope): NoLongerAllowed {
  switch (reason.kind) {
    case 'no_rule':
      return { kind: 'rule', scope: scope.name };
    case 'too_long':
      return { kind: 'duration', maxSeconds: reason.maxDurationSeconds, rule: reason.rule };
    case 'hours':
      return reason;
    case 'ticket':
      return { kind: 'ticket', rule: reason.rule, example: reason.example };
  }
}

const gone = (why: NoLongerAllowed): RejectionOf<'no_longer_allowed'> => ({
  code: 'no_longer_allowed',
  why,
});

/** Whether the scope as it is defined today lets through, and keeps, no less than what was asked for. */
const isWithin = (asked: Scope, today: Scope): boolean =>
  includesScope(today, asked) && (asked.record_input || !today.record_input);
