-- What an approval takes; null for requests from before there was a choice, when it was a click.
alter table access_request add column assurance text;

create or replace function keep_request() returns trigger language plpgsql as $$
begin
  if (new.id, new.engagement_id, new.person_id, new.ask::text, new.digest, new.rule, new.approvals, new.assurance, new.requested_at, new.expires_at)
    is distinct from
     (old.id, old.engagement_id, old.person_id, old.ask::text, old.digest, old.rule, old.approvals, old.assurance, old.requested_at, old.expires_at)
  then
    raise exception 'a request is never edited' using errcode = 'integrity_constraint_violation';
  end if;
  if old.status <> 'pending' and (new.status, new.decided_at) is distinct from (old.status, old.decided_at) then
    raise exception 'a request is decided once' using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end
$$;

-- Approve was pressed, and the reviewer has yet to sign.
create table pledge (
  request_id uuid not null references access_request (id),
  reviewer_id uuid not null references person (id),
  pledged_at timestamptz not null,
  -- When its card was told that it ran out.
  lapse_noted_at timestamptz,
  mac text not null,
  primary key (request_id, reviewer_id)
);
create index pledge_running on pledge (pledged_at) where lapse_noted_at is null;
create index pledge_reviewer on pledge (reviewer_id);

-- What reviewers signed, with all that it takes to verify it again.
create table review_signature (
  request_id uuid not null,
  reviewer_id uuid not null,
  signed_at timestamptz not null,
  fingerprint text not null,
  public_key text not null,
  signed text not null,
  signature text not null,
  mac text not null,
  primary key (request_id, reviewer_id, signed_at),
  foreign key (request_id, reviewer_id) references review (request_id, reviewer_id)
);
create trigger append_only before update or delete on review_signature for each row execute function refuse_change();
create trigger append_only_truncate before truncate on review_signature for each statement execute function refuse_change();
alter table review_signature enable always trigger append_only;
alter table review_signature enable always trigger append_only_truncate;
