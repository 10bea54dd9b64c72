import type { ColumnType, Generated, Kysely, Transaction } from 'kysely';

/** Instants and days travel as PostgreSQL's text; rows.ts reads and writes them. */
type Instant = string;
/** Written as exact JSON text, read as the value it holds. */
type Json = ColumnType<unknown, string, never>;
type LateJson = ColumnType<unknown, string | null, string>;
/** bigint, as text. */
type Serial = Generated<string>;

export type Tables = {
  person: {
    id: string;
    standing: string;
    active: boolean;
    confirmed_at: Instant;
    unseen_since: Instant | null;
    doubt_told_at: Instant | null;
    offboarded_at: Instant | null;
    offboarded_mac: string | null;
  };
  slack_account: {
    team_id: string;
    user_id: string;
    enterprise_id: string | null;
    person_id: string;
    ordinal: number;
    mac: string | null;
  };
  person_name: { person_id: string; name: string };
  registered_key: {
    fingerprint: string;
    public_key: string;
    person_id: string;
    registered_at: Instant;
    retired_at: Instant | null;
    retired_by: string | null;
    mac: string | null;
  };
  registration_code: {
    code_digest: string;
    person_id: string;
    expires_at: Instant;
    used_at: Instant | null;
    mac: string | null;
  };
  engagement: {
    id: string;
    name: string;
    vendor: string;
    channel_id: string;
    sponsor_id: string;
    target_ids: LateJson;
    scopes: LateJson;
    last_day: string;
    time_zone: string;
    created_at: Instant;
    confirmed_at: Instant | null;
    confirmed_by: string | null;
    labels: LateJson;
    logins: ColumnType<unknown, string | null, string | null>;
    first_day: string | null;
    hours: ColumnType<unknown, string | null, string | null>;
    reference: string | null;
    channel_read_at: Instant;
    channel_refused: string | null;
    channel_told_at: Instant | null;
    closed_at: Instant | null;
    closed_by: string | null;
    ended_before: Generated<boolean>;
    mac: string | null;
  };
  engagement_change: {
    id: string;
    engagement_id: string;
    proposed_by: string;
    from_terms: Json;
    to_terms: Json;
    digest: string;
    approvals: number;
    proposed_at: Instant;
    expires_at: Instant;
    reviews: LateJson;
    status: string;
    decided_at: Instant | null;
    mac: string;
  };
  engagement_confirmer: { engagement_id: string; person_id: string };
  slack_group: { group_id: string; read_at: Instant };
  slack_group_member: { group_id: string; user_id: string; since: Instant };
  engagement_person: {
    engagement_id: string;
    role: 'member' | 'reviewer';
    person_id: string;
    ordinal: number;
    seen_at: Instant | null;
    left_at: Instant | null;
    offboarded_at: Instant | null;
  };
  access_request: {
    id: string;
    engagement_id: string;
    person_id: string;
    ask: Json;
    digest: string;
    rule: string;
    approvals: number;
    assurance: string | null;
    requested_at: Instant;
    expires_at: Instant;
    status: string;
    decided_at: Instant | null;
    replaced_by: string | null;
    reminded_at: Instant | null;
    mac: string | null;
  };
  review: {
    request_id: string;
    ordinal: number;
    reviewer_id: string;
    verdict: string;
    comment: string | null;
    reviewed_at: Instant;
    mac: string | null;
  };
  pledge: {
    request_id: string;
    reviewer_id: string;
    pledged_at: Instant;
    lapse_noted_at: Instant | null;
    mac: string;
  };
  review_signature: {
    request_id: string;
    reviewer_id: string;
    signed_at: Instant;
    fingerprint: string;
    public_key: string;
    signed: string;
    signature: string;
    mac: string;
  };
  request_comment: {
    request_id: string;
    ordinal: number;
    person_id: string;
    comment: string;
    commented_at: Instant;
    mac: string;
  };
  access_grant: {
    id: string;
    request_id: string;
    engagement_id: string;
    person_id: string;
    not_before: Instant;
    not_after: Instant;
    terms: Json;
    digest: string;
    mac: string;
    ended_how: string | null;
    ended_at: Instant | null;
    ended_by: string | null;
    end_comment: string | null;
    expiry_noted_at: Instant | null;
  };
  certificate: {
    serial: string;
    grant_id: string | null;
    key_id: string;
    fingerprint: string;
    certificate: string;
    issued_at: Instant;
  };
  session: {
    id: string;
    burst_id: string;
    grant_id: string;
    grant_digest: string;
    engagement_id: string;
    person_id: string;
    target_id: string;
    login: string;
    via: string;
    key_fingerprint: string;
    client_address: string;
    started_at: Instant;
    ended_at: Instant | null;
    ending: LateJson;
    channels: LateJson;
    refusals: LateJson;
    head_at_start: string | null;
    head_at_end: string | null;
    recording_state: string | null;
  };
  offboarding: {
    id: string;
    person_id: string | null;
    engagement_ids: LateJson;
    why: string;
    begun_by: Json;
    begun_at: Instant;
    reason: string | null;
    parts: LateJson;
    keys: number;
    left_over: ColumnType<unknown, string | null, string | null>;
    proved: boolean;
    items: LateJson;
    completed_at: Instant | null;
    digest: string | null;
    mac: string;
  };
  accepted_ssh_session: { ssh_session_id: string; remember_until: Instant };
  audit_event: {
    /** bigint, as text. */
    id: string;
    type: string;
    at: Instant;
    actor_kind: string;
    actor_person_id: string | null;
    facts: Json;
    prev: string | null;
    hash: string | null;
  };
  audit_head: { id: number; number: string; hash: string };
  outbox: {
    id: Serial;
    key: string;
    kind: string;
    repeatable: boolean;
    notice: Json;
    lane: string;
    status: Generated<'waiting' | 'delivered' | 'buried'>;
    attempts: Generated<number>;
    due_at: Instant | null;
    attempting_at: Instant | null;
    doubtful_since: Instant | null;
    last_error: string | null;
    enqueued_at: Generated<Instant>;
    urgency: number;
    held_since: Instant | null;
  };
  message: { key: string; channel_id: string; ts: string };
  channel_move: { old_id: string; new_id: string; at: Instant };
  control_lease: {
    id: number;
    holder: string;
    term: string;
    host: string;
    pid: number;
    boot: string;
    started: string;
    since: Instant;
    expires_at: Instant;
  };
  seal_head: { id: number; number: string; mac: string };
  schema_migration: { name: string; checksum: string; applied_at: Generated<Instant> };
};

export type Db = Kysely<Tables>;
export type Trx = Transaction<Tables>;
