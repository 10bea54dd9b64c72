import type { EngagementId, Fingerprint, GrantId, Login, PersonId, RequestId, TargetId } from './ids.ts';
import type { SecretKind } from './secret.ts';

/**
 * Every expected refusal, with the facts a reader needs, by what somebody was about to do. Each edge words those that it can meet, all of
 * them in one record. `field` tells a form where the mistake is.
 */
export type Rejection =
  | NotActive
  | RestingRejection
  | AskRejection
  | EngagementRejection
  | ChangeRejection
  | ReviewRejection
  | CommentRejection
  | EndRejection
  | RegisterRejection
  | LoginRejection
  | RecorderRejection
  | OffboardRejection;

/** Why somebody may nothing at this moment, whatever it is. */
export type NotActive =
  | { readonly code: 'person_inactive' }
  /** Until an operator readmits them. */
  | { readonly code: 'person_offboarded'; readonly since: Date }
  /** Slack shows the account no more. */
  | { readonly code: 'person_unseen'; readonly since: Date }
  /** Slack has not confirmed the account since, and that is too long ago. */
  | { readonly code: 'person_unconfirmed'; readonly since: Date };

/** Why all access in an engagement rests. */
export type RestingRejection =
  | { readonly code: 'engagement_over'; readonly endedAt: Date; readonly field: 'engagement' }
  | { readonly code: 'engagement_not_begun'; readonly beginsAt: Date; readonly field: 'engagement' }
  /** `opensAt` is null where they open in none of the coming weeks. */
  | { readonly code: 'outside_engagement_hours'; readonly opensAt: Date | null; readonly field: 'engagement' }
  /** Slack has not said for too long who is in the engagement's channel. */
  | { readonly code: 'channel_unread'; readonly engagement: string; readonly since: Date }
  | { readonly code: 'engagement_closed'; readonly engagement: string; readonly at: Date }
  /** What is stored about this was changed without Daypass. */
  | { readonly code: 'record_tampered'; readonly what: string; readonly id: string };

/** What somebody wrote looks like a secret, so it was not stored. */
type SecretFound = {
  readonly code: 'secret_found';
  readonly what: SecretKind;
  readonly field: 'reason' | 'ticket' | 'comment' | 'reference' | 'note';
};

type ClosedHours = { readonly rule: string; readonly opens: Date | null; readonly zone: string };

type NoTargets = { readonly code: 'no_targets'; readonly field: 'targets' };

/** Asking for access. */
export type AskRejection =
  | NoTargets
  | { readonly code: 'no_registered_key' }
  | { readonly code: 'unknown_own_key'; readonly field: 'key' }
  | { readonly code: 'unknown_engagement'; readonly field: 'engagement' }
  | { readonly code: 'engagement_unconfirmed'; readonly field: 'engagement' }
  | { readonly code: 'not_a_member'; readonly engagementId: EngagementId; readonly field: 'engagement' }
  | { readonly code: 'target_not_in_engagement'; readonly targetId: string; readonly field: 'targets' }
  | {
      readonly code: 'login_not_on_target';
      readonly login: string;
      readonly targetIds: readonly TargetId[];
      readonly field: 'login';
    }
  | { readonly code: 'login_not_in_engagement'; readonly login: string; readonly field: 'login' }
  /** The rule wants FIDO keys; `verified`: such that ask for a PIN or a fingerprint. */
  | {
      readonly code: 'fido_key_needed';
      readonly rule: string;
      readonly verified: boolean;
      readonly field: 'key';
    }
  | { readonly code: 'scope_not_in_engagement'; readonly scope: string; readonly field: 'scope' }
  | { readonly code: 'no_policy_rule'; readonly field: 'scope' }
  | {
      readonly code: 'duration_too_long';
      readonly maxSeconds: number;
      readonly rule: string;
      readonly field: 'duration';
    }
  /** Outside the hours of a rule; `opens` is null where the rules of its targets are never open together. */
  | ({ readonly code: 'outside_hours'; readonly field: 'duration' } & ClosedHours)
  | SecretFound
  /** As many as one person may have waiting. */
  | { readonly code: 'too_many_pending'; readonly max: number }
  /** The same access was requested already, and that request waits. */
  | { readonly code: 'same_request_waits'; readonly requestId: RequestId; readonly at: Date }
  | { readonly code: 'reason_missing'; readonly field: 'reason' }
  /** It says nothing a reviewer could decide by. */
  | { readonly code: 'reason_empty'; readonly field: 'reason' }
  /** The rule wants a ticket like the example, or any where there is none. */
  | {
      readonly code: 'ticket_wanted';
      readonly rule: string;
      readonly example: string | null;
      readonly field: 'ticket';
    }
  /** `found` people could give one of the `needed` approvals. */
  | { readonly code: 'no_reviewer'; readonly needed: number; readonly found: number; readonly field: 'engagement' };

/** Setting up an engagement. */
export type EngagementRejection =
  | NoTargets
  | { readonly code: 'may_not_open_engagement' }
  /** policy.yml names nobody who may. */
  | { readonly code: 'nobody_may_open' }
  | { readonly code: 'may_not_open_for'; readonly targetId: TargetId; readonly field: 'targets' }
  | { readonly code: 'nobody_to_confirm'; readonly field: 'targets' }
  | { readonly code: 'may_not_confirm' }
  /** By now policy does not let who opened it open one for this target. */
  | { readonly code: 'opener_may_not'; readonly targetId: TargetId }
  | { readonly code: 'already_confirmed'; readonly at: Date }
  | { readonly code: 'last_day_past'; readonly field: 'last_day' }
  | { readonly code: 'unknown_target'; readonly targetId: string; readonly field: 'targets' }
  | { readonly code: 'unknown_scope'; readonly scope: string; readonly field: 'scopes' }
  | { readonly code: 'unknown_person'; readonly field: 'members' | 'reviewers' | 'person' }
  | {
      readonly code: 'reviewer_not_eligible';
      readonly people: readonly { readonly personId: PersonId; readonly why: NotEligible }[];
      readonly field: 'reviewers' | 'members';
    }
  /** No request for this target with this scope could ever be approved. */
  | {
      readonly code: 'too_few_reviewers';
      readonly targetId: TargetId;
      readonly scope: string;
      readonly rule: string;
      readonly needed: number;
      readonly field: 'reviewers';
    }
  /** No rule of policy speaks of any of the scopes on any of the targets. */
  | { readonly code: 'nothing_allowed'; readonly field: 'scopes' }
  | SecretFound
  /** None of the targets has it. */
  | { readonly code: 'unknown_login'; readonly login: string; readonly field: 'logins' }
  | { readonly code: 'first_day_late'; readonly field: 'first_day' }
  | { readonly code: 'hours_unclear'; readonly field: 'hours' }
  | { readonly code: 'name_missing'; readonly field: 'name' };

/** Changing an engagement. */
export type ChangeRejection =
  | { readonly code: 'unknown_change' }
  | { readonly code: 'may_not_change_engagement' }
  | { readonly code: 'nothing_changed'; readonly field: 'name' }
  /** The engagement is another by now than the one that the change was proposed for. */
  | { readonly code: 'engagement_changed' }
  | { readonly code: 'own_change' }
  | RejectionOfReview<'digest_mismatch' | 'already_reviewed' | 'unknown_card' | 'not_a_reviewer' | 'own_engagement'>
  | {
      readonly code: 'change_decided';
      readonly outcome: 'approved' | 'denied' | 'expired' | 'withdrawn';
      readonly by: PersonId | null;
      readonly at: Date;
    };

type RejectionOfReview<Code extends ReviewRejection['code']> = Extract<ReviewRejection, { code: Code }>;

/** Reviewing a request with a click on its card. */
export type ReviewRejection =
  | SecretFound
  | { readonly code: 'unknown_card' }
  | { readonly code: 'no_signing_key' }
  | VerdictRejection;

/** A verdict, whether it is clicked or signed. */
export type VerdictRejection =
  | { readonly code: 'unknown_request' }
  | { readonly code: 'own_request' }
  /** Who asked is no active member of the engagement any more. */
  | { readonly code: 'requester_gone' }
  /** It was when it was asked for; policy or the inventory changed while it waited. */
  | { readonly code: 'no_longer_allowed'; readonly why: NoLongerAllowed }
  | { readonly code: 'not_a_reviewer' }
  | { readonly code: 'own_engagement' }
  | { readonly code: 'digest_mismatch' }
  | {
      readonly code: 'already_decided';
      readonly requestId: RequestId;
      readonly outcome: 'approved' | 'denied' | 'expired' | 'withdrawn';
      readonly by: PersonId | null;
      readonly at: Date;
    }
  | { readonly code: 'already_reviewed'; readonly at: Date }
  /** `countsFrom` is null where it never does for this request: it was made before the key was registered. */
  | {
      readonly code: 'signing_key_new';
      readonly fingerprint: Fingerprint;
      readonly registeredAt: Date;
      readonly countsFrom: Date | null;
    }
  | { readonly code: 'fido_key_wanted' }
  /** Whoever this key belongs to did not press Approve. */
  | { readonly code: 'no_pledge' }
  | { readonly code: 'pledge_over'; readonly at: Date };

/** Commenting on a request. */
export type CommentRejection =
  | { readonly code: 'comment_missing'; readonly field: 'comment' }
  | { readonly code: 'too_many_comments'; readonly max: number };

/** Ending access, a session, or a key's use. */
export type EndRejection =
  | SecretFound
  | { readonly code: 'unknown_grant' }
  | { readonly code: 'may_not_end_grant' }
  | { readonly code: 'grant_already_ended'; readonly at: Date }
  | { readonly code: 'unknown_session' }
  | { readonly code: 'session_already_ended'; readonly at: Date }
  | { readonly code: 'may_not_end_session' }
  | { readonly code: 'may_not_retire_key' };

/** Offboarding somebody, closing an engagement, and what follows. */
export type OffboardRejection =
  | SecretFound
  | { readonly code: 'may_not_offboard'; readonly field: 'person' }
  | { readonly code: 'already_offboarded'; readonly at: Date; readonly field: 'person' }
  /** They are no member of the engagement that was named. */
  | { readonly code: 'not_in_engagement'; readonly field: 'person' }
  | { readonly code: 'may_not_close'; readonly field: 'engagement' }
  | { readonly code: 'already_closed'; readonly at: Date; readonly field: 'engagement' }
  | { readonly code: 'not_offboarded' }
  /** It is still being proved that nothing of theirs is left. */
  | { readonly code: 'offboarding_unproved' }
  | { readonly code: 'unknown_offboarding' }
  | { readonly code: 'may_not_tick' }
  | { readonly code: 'already_ticked'; readonly by: PersonId; readonly at: Date };

/** Registering a key. */
export type RegisterRejection =
  | { readonly code: 'code_unknown' }
  | { readonly code: 'code_expired' }
  | { readonly code: 'key_taken' }
  /** It opens nothing, and nobody registers it again. */
  | { readonly code: 'key_retired'; readonly fingerprint: Fingerprint }
  | { readonly code: 'key_too_weak'; readonly why: string };

/** Logging in at the gateway. */
export type LoginRejection =
  | { readonly code: 'proof_invalid'; readonly why: string }
  /** The access is for FIDO keys that verify their user at each login, and this login's did not. */
  | { readonly code: 'user_not_verified' }
  | { readonly code: 'proof_replayed' }
  /** With a plain key, in one day. */
  | { readonly code: 'too_many_logins'; readonly max: number }
  | { readonly code: 'certificate_refused'; readonly why: string }
  | { readonly code: 'certificate_expired'; readonly at: Date }
  | { readonly code: 'unknown_key'; readonly fingerprint: Fingerprint }
  | { readonly code: 'bad_login_name'; readonly given: string }
  | { readonly code: 'unknown_target_name'; readonly given: string; readonly granted: readonly TargetId[] }
  | { readonly code: 'no_live_grant' }
  /** There is no live grant yet. */
  | { readonly code: 'request_waits'; readonly requestId: RequestId }
  | { readonly code: 'grant_expired'; readonly at: Date }
  | { readonly code: 'grant_revoked'; readonly at: Date }
  | { readonly code: 'target_not_granted'; readonly targetId: TargetId; readonly granted: readonly TargetId[] }
  | { readonly code: 'login_not_granted'; readonly login: Login; readonly granted: readonly Login[] }
  | { readonly code: 'key_not_in_grant'; readonly fingerprint: Fingerprint; readonly grantId: GrantId }
  | { readonly code: 'target_changed'; readonly targetId: TargetId }
  | { readonly code: 'grant_tampered'; readonly grantId: GrantId }
  /** The database is an older one, and no operator has confirmed what it says. */
  | { readonly code: 'grants_suspended' }
  | { readonly code: 'too_many_sessions'; readonly targetId: TargetId; readonly max: number };

/** The gateway has no room to record what was let in. */
export type RecorderRejection = { readonly code: 'disk_full'; readonly freeMiB: number };

/** Why somebody cannot review in an engagement: `…_account` is another account of one human. */
export type NotEligible =
  | 'opener'
  | 'opener_account'
  | 'member'
  | 'member_account'
  | 'inactive'
  | 'offboarded'
  | 'not_full_member'
  | 'not_named'
  | 'vendor';

/** What somebody may not have any more although they could ask for it. */
export type NoLongerAllowed =
  | { readonly kind: 'rule'; readonly scope: string }
  | { readonly kind: 'duration'; readonly maxSeconds: number; readonly rule: string }
  | { readonly kind: 'ticket'; readonly rule: string; readonly example: string | null }
  | ({ readonly kind: 'hours' } & ClosedHours)
  | { readonly kind: 'scope'; readonly scope: string }
  /** It wants more of the key by now. */
  | { readonly kind: 'keys'; readonly rule: string; readonly verified: boolean }
  /** The engagement no longer has it. */
  | { readonly kind: 'engagement'; readonly what: 'target' | 'scope' | 'login'; readonly name: string }
  | { readonly kind: 'login'; readonly login: string; readonly targetId: TargetId };

export type RejectionCode = Rejection['code'];
export type RejectionOf<Code extends RejectionCode> = Extract<Rejection, { code: Code }>;
