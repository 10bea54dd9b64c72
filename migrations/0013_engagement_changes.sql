-- What an engagement was opened or changed to, beside what it had before: null logins are all of its targets', a null first day is past,
-- null hours are any time.
alter table engagement
  add column logins json,
  add column first_day date,
  add column hours json,
  add column reference text;

-- A change to an engagement, while and after it is reviewed. One that takes away takes effect at once, with no approvals.
create table engagement_change (
  id uuid primary key,
  engagement_id uuid not null references engagement (id),
  proposed_by uuid not null references person (id),
  from_terms json not null,
  to_terms json not null,
  digest text not null,
  approvals integer not null,
  proposed_at timestamptz not null,
  expires_at timestamptz not null,
  reviews json not null,
  status text not null,
  decided_at timestamptz,
  mac text not null
);
create unique index engagement_change_pending on engagement_change (engagement_id) where status = 'pending';
create index engagement_change_overdue on engagement_change (expires_at) where status = 'pending';

-- The root message shows who has access in an engagement.
create index access_grant_engagement on access_grant (engagement_id) where ended_at is null and expiry_noted_at is null;
