import { type AskedIn, type Instead, insteadOf, withAnyTicket } from '../../access/askable.ts';
import type { Assurance } from '../../access/assurance.ts';
import { cutShort, type Engagement } from '../../access/engagement.ts';
import type { PersonId } from '../../access/ids.ts';
import type { KeyDemand } from '../../access/key-demand.ts';
import { whyNotActive } from '../../access/person.ts';
import { decide } from '../../access/policy-decision.ts';
import type { Rejection } from '../../access/rejection.ts';
import { RULE_BREAK } from '../../access/request.ts';
import { eligibleReviewers } from '../engagements/eligible-reviewers.ts';
import type { FactParts } from '../engagements/reviewer-facts.ts';
import type { Clock } from '../ports/clock.ts';
import type { Inventory } from '../ports/inventory.ts';
import type { Store } from '../ports/store.ts';
import { type Chosen, denied, type RequestAccessInput, wantedOf, whatIsChosen, whyNotKeys } from './request-access.ts';

type Deps = { readonly store: Store<FactParts | 'keys'>; readonly clock: Clock; readonly inventory: Inventory };

export type PreviewInput = Pick<
  RequestAccessInput,
  'by' | 'engagementId' | 'targetIds' | 'login' | 'scope' | 'durationSeconds' | 'keys'
>;

export type AskPreview =
  | {
      readonly kind: 'possible';
      readonly rules: readonly string[];
      readonly approvals: number;
      /** What each of them takes. */
      readonly assurance: Assurance;
      /** What each login takes. */
      readonly keys: KeyDemand;
      /** When the hours, or the engagement, cut it short if it began now; null where they do not. */
      readonly until: Date | null;
      readonly reviewers: readonly PersonId[];
      readonly names: ReadonlyMap<PersonId, string>;
      /** That a rule wants, with an example where only some will do. */
      readonly ticket: { readonly rule: string; readonly example: string | null } | null;
    }
  | { readonly kind: 'impossible'; readonly rejection: Rejection; readonly instead: Instead | null };

/** What would become of a request if it were sent as it stands: who would decide it and by which rules, or why nobody could. */
export const previewRequest =
  (deps: Deps) =>
  (input: PreviewInput): Promise<AskPreview> =>
    deps.store.transaction(async (tx) => {
      const now = deps.clock.now();
      const { policy } = deps.inventory;
      const person = await tx.persons.byId(input.by);
      const inactive = whyNotActive(person, now, policy.doubt);
      if (inactive || !person) return impossible(inactive ?? { code: 'person_inactive' });
      const engagement = await tx.engagements.byId(input.engagementId);
      if (!engagement) return impossible({ code: 'unknown_engagement', field: 'engagement' });
      const chosen = whatIsChosen(deps.inventory, { engagement, person }, input, now);
      if (!chosen.ok) return impossible(chosen.rejection);
      const outlook = outlookOf(deps.inventory, { requester: person, engagement }, chosen.value, input, now);
      if (outlook.kind === 'impossible') return outlook;
      const wanted = wantedOf(await tx.keys.ofPerson(person.id), input.keys ?? []);
      const plain = whyNotKeys(wanted, { rule: outlook.rules.join(RULE_BREAK), keys: outlook.keys });
      if (plain) return impossible(plain);
      const reviewers = await eligibleReviewers(tx, policy, engagement, person, now);
      const { approvals: needed } = outlook;
      if (reviewers.length < needed)
        return impossible({ code: 'no_reviewer', needed, found: reviewers.length, field: 'engagement' });
      return { ...outlook, reviewers, names: await tx.persons.names(reviewers) };
    });

const impossible = (rejection: Rejection, instead: Instead | null = null): AskPreview & { kind: 'impossible' } => ({
  ...{ kind: 'impossible', rejection, instead },
});

type Outlook =
  | Omit<Extract<AskPreview, { kind: 'possible' }>, 'reviewers' | 'names'>
  | Extract<AskPreview, { kind: 'impossible' }>;

/** The ticket is left out of it, because it is typed last. */
function outlookOf(
  inventory: Inventory,
  asked: AskedIn & { readonly engagement: Engagement },
  chosen: Chosen,
  { durationSeconds }: PreviewInput,
  now: Date,
): Outlook {
  const { targets, login, scope } = chosen;
  const { id, vendor } = asked.engagement;
  const ask = {
    ...{ targets, login, scope: scope.name, durationSeconds, ticket: null },
    ...{ standing: asked.requester.standing, engagement: { id, vendor }, at: now },
  };
  const decision = decide(withAnyTicket(inventory.policy), ask);
  if (!decision.allowed) {
    const isCovered = decision.reason.kind !== 'no_rule';
    return impossible(
      denied(decision.reason),
      isCovered ? null : insteadOf(inventory, asked, { targets, login, scope: scope.name }, now),
    );
  }
  const whole = decide(inventory.policy, ask);
  const wanted = whole.allowed || whole.reason.kind !== 'ticket' ? null : whole.reason;
  const { rules, approvals, assurance, keys } = decision;
  return {
    ...{ kind: 'possible', rules, approvals, assurance, keys },
    until: cutShort(asked.engagement, decision.until, durationSeconds, now),
    ticket: wanted && { rule: wanted.rule, example: wanted.example },
  };
}
