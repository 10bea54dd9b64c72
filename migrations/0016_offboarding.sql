-- Somebody who was offboarded gets nothing until an operator readmits them.
alter table person
  add column offboarded_at timestamptz,
  add column offboarded_mac text;

-- The same in one engagement.
alter table engagement_person add column offboarded_at timestamptz;

alter table engagement
  add column closed_at timestamptz,
  add column closed_by uuid references person (id),
  -- It ended before engagements were closed after their last day: nobody is asked to clean up after it now.
  add column ended_before boolean not null default false;
update engagement set ended_before = true where last_day < current_date - 1;
create index engagement_unclosed on engagement (last_day) where closed_at is null and not ended_before;

create table offboarding (
  id uuid primary key,
  person_id uuid references person (id),
  -- Null is everywhere.
  engagement_ids json,
  why text not null check (why in ('asked', 'closed', 'last_day')),
  begun_by json not null,
  begun_at timestamptz not null,
  reason text,
  parts json not null,
  keys integer not null,
  -- What was left when the workers were asked last.
  left_over json,
  proved boolean not null,
  items json not null,
  completed_at timestamptz,
  digest text check (digest ~ '^[0-9a-f]{64}$'),
  mac text not null,
  check ((completed_at is null) = (digest is null))
);
create index offboarding_unproved on offboarding (begun_at) where not proved;

-- Evidence stays as it was completed.
create function keep_offboarding() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' or old.completed_at is not null then
    raise exception 'an offboarding is evidence' using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end
$$;
create trigger keep_offboarding before update or delete on offboarding for each row execute function keep_offboarding();
create trigger append_only_truncate before truncate on offboarding for each statement execute function refuse_change();
alter table offboarding enable always trigger keep_offboarding;
alter table offboarding enable always trigger append_only_truncate;
