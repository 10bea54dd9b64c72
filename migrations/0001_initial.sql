-- One schema for PostgreSQL and the embedded database.
-- Columns of type json hold exact text: digests are computed over what they hold, and jsonb would refuse a NUL in a hostile string.

create table person (
  id uuid primary key,
  standing text not null check (standing in ('member', 'guest', 'external')),
  active boolean not null
);

create table slack_account (
  team_id text not null,
  user_id text not null,
  enterprise_id text,
  person_id uuid not null references person (id),
  ordinal smallint not null,
  primary key (team_id, user_id)
);
create index slack_account_person on slack_account (person_id);

-- Apart from person, so that a name can be erased while what the person did stays on record.
create table person_name (
  person_id uuid primary key references person (id),
  name text not null
);

create table registered_key (
  fingerprint text primary key check (fingerprint ~ '^SHA256:[A-Za-z0-9+/]{43}$'),
  public_key text not null,
  person_id uuid not null references person (id),
  registered_at timestamptz not null
);
create index registered_key_person on registered_key (person_id);

create table registration_code (
  code_digest text primary key check (code_digest ~ '^[0-9a-f]{64}$'),
  person_id uuid not null references person (id),
  expires_at timestamptz not null,
  used_at timestamptz
);

create table engagement (
  id uuid primary key,
  name text not null,
  vendor text not null,
  channel_id text not null,
  sponsor_id uuid not null references person (id),
  target_ids json not null,
  scopes json not null,
  last_day date not null,
  time_zone text not null,
  created_at timestamptz not null
);

create table engagement_person (
  engagement_id uuid not null references engagement (id),
  role text not null check (role in ('member', 'reviewer')),
  person_id uuid not null references person (id),
  ordinal smallint not null,
  primary key (engagement_id, role, person_id)
);
create index engagement_person_person on engagement_person (person_id, role);

create table access_request (
  id uuid primary key,
  engagement_id uuid not null references engagement (id),
  person_id uuid not null references person (id),
  ask json not null,
  digest text not null check (digest ~ '^[0-9a-f]{64}$'),
  rule text not null,
  approvals smallint not null check (approvals > 0),
  requested_at timestamptz not null,
  expires_at timestamptz not null,
  status text not null check (status in ('pending', 'approved', 'denied', 'expired', 'withdrawn')),
  decided_at timestamptz,
  check ((status = 'pending') = (decided_at is null))
);
create index access_request_pending on access_request (expires_at) where status = 'pending';
create index access_request_person on access_request (person_id);

create table review (
  request_id uuid not null references access_request (id),
  ordinal smallint not null,
  reviewer_id uuid not null references person (id),
  verdict text not null check (verdict in ('approve', 'deny')),
  comment text,
  reviewed_at timestamptz not null,
  primary key (request_id, reviewer_id),
  unique (request_id, ordinal)
);

create table access_grant (
  id uuid primary key,
  request_id uuid not null unique references access_request (id),
  -- Read from the terms, to find grants by them; what a grant allows is read from the terms alone.
  engagement_id uuid not null references engagement (id),
  person_id uuid not null references person (id),
  not_before timestamptz not null,
  not_after timestamptz not null,
  terms json not null,
  digest text not null check (digest ~ '^[0-9a-f]{64}$'),
  mac text not null,
  ended_how text check (ended_how in ('revoked', 'returned')),
  ended_at timestamptz,
  ended_by uuid references person (id),
  end_comment text,
  expiry_noted_at timestamptz,
  check ((ended_how is null) = (ended_at is null))
);
create index access_grant_person on access_grant (person_id);
create index access_grant_open on access_grant (not_after) where ended_at is null and expiry_noted_at is null;

create table certificate (
  serial text primary key check (serial ~ '^[0-9]{1,20}$'),
  grant_id uuid references access_grant (id),
  key_id text not null,
  fingerprint text not null,
  certificate text not null,
  issued_at timestamptz not null
);
create index certificate_grant on certificate (grant_id);

create table session (
  id uuid primary key,
  burst_id uuid not null references session (id),
  grant_id uuid not null references access_grant (id),
  grant_digest text not null,
  engagement_id uuid not null references engagement (id),
  person_id uuid not null references person (id),
  target_id text not null,
  login text not null,
  via text not null check (via in ('direct', 'jump')),
  key_fingerprint text not null,
  client_address text not null,
  started_at timestamptz not null,
  ended_at timestamptz,
  ending json,
  channels json,
  refusals json,
  check ((ended_at is null) = (ending is null) and (ended_at is null) = (channels is null) and (ended_at is null) = (refusals is null))
);
create index session_live on session (grant_id) where ended_at is null;
create index session_burst on session (burst_id);
create index session_grant_target on session (grant_id, target_id, started_at);
create index session_started on session (started_at);

-- RFC 4253 section 7.2: a session id is unique to its key exchange, so a proof over one is good once.
create table accepted_ssh_session (
  ssh_session_id text primary key,
  remember_until timestamptz not null
);
create index accepted_ssh_session_until on accepted_ssh_session (remember_until);

create table audit_event (
  id bigint generated always as identity primary key,
  type text not null,
  at timestamptz not null,
  actor_kind text not null check (actor_kind in ('person', 'operator', 'daypass')),
  actor_person_id uuid,
  facts json not null,
  check ((actor_kind = 'person') = (actor_person_id is not null))
);

create table outbox (
  id bigint generated always as identity primary key,
  key text not null,
  kind text not null,
  repeatable boolean not null,
  notice json not null,
  lane text not null,
  status text not null default 'waiting' check (status in ('waiting', 'delivered', 'buried')),
  attempts integer not null default 0,
  due_at timestamptz,
  -- Set while an attempt is under way; found set afterwards, the attempt's outcome is unknown.
  attempting_at timestamptz,
  -- The first attempt that may have reached Slack without our hearing of it.
  doubtful_since timestamptz,
  last_error text,
  enqueued_at timestamptz not null default now()
);
create unique index outbox_once on outbox (key) where not repeatable;
create unique index outbox_coalesced on outbox (key, kind) where repeatable and status = 'waiting' and attempts = 0;
create index outbox_lane on outbox (lane, id) where status = 'waiting';

create table message (
  key text primary key,
  channel_id text not null,
  ts text not null
);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only: % refused', tg_table_name, lower(tg_op) using errcode = 'integrity_constraint_violation';
end
$$;

create trigger append_only before update or delete on audit_event for each row execute function refuse_change();
create trigger append_only_truncate before truncate on audit_event for each statement execute function refuse_change();
create trigger append_only before update or delete on review for each row execute function refuse_change();
create trigger append_only_truncate before truncate on review for each statement execute function refuse_change();

-- What was approved stays as it was approved; ends are written once.
create function keep_grant() returns trigger language plpgsql as $$
begin
  if (new.id, new.request_id, new.engagement_id, new.person_id, new.not_before, new.not_after, new.terms::text, new.digest, new.mac)
    is distinct from
     (old.id, old.request_id, old.engagement_id, old.person_id, old.not_before, old.not_after, old.terms::text, old.digest, old.mac)
  then
    raise exception 'a grant is never edited' using errcode = 'integrity_constraint_violation';
  end if;
  if old.ended_at is not null and (new.ended_how, new.ended_at, new.ended_by, new.end_comment)
    is distinct from (old.ended_how, old.ended_at, old.ended_by, old.end_comment)
  then
    raise exception 'a grant ends once' using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end
$$;
create trigger keep_grant before update on access_grant for each row execute function keep_grant();

-- A review binds to the digest of the ask, and a decision is final.
create function keep_request() returns trigger language plpgsql as $$
begin
  if (new.id, new.engagement_id, new.person_id, new.ask::text, new.digest, new.rule, new.approvals, new.requested_at, new.expires_at)
    is distinct from
     (old.id, old.engagement_id, old.person_id, old.ask::text, old.digest, old.rule, old.approvals, old.requested_at, old.expires_at)
  then
    raise exception 'a request is never edited' using errcode = 'integrity_constraint_violation';
  end if;
  if old.status <> 'pending' and (new.status, new.decided_at) is distinct from (old.status, old.decided_at) then
    raise exception 'a request is decided once' using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end
$$;
create trigger keep_request before update on access_request for each row execute function keep_request();

-- Also where a session switches ordinary triggers off (session_replication_role).
alter table audit_event enable always trigger append_only;
alter table audit_event enable always trigger append_only_truncate;
alter table review enable always trigger append_only;
alter table review enable always trigger append_only_truncate;
alter table access_grant enable always trigger keep_grant;
alter table access_request enable always trigger keep_request;
