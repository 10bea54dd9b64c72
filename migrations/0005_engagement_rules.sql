-- A first engagement on a label waits for a second person; those that stand were opened before that was asked for.
alter table engagement
  add column confirmed_at timestamptz,
  add column confirmed_by uuid references person (id);
update engagement set confirmed_at = created_at;

-- Who was asked to confirm it.
create table engagement_confirmer (
  engagement_id uuid not null references engagement (id),
  person_id uuid not null references person (id),
  primary key (engagement_id, person_id)
);

-- Who is in a group of reviewers, and since when it is known: who was added a moment ago does not review.
create table slack_group (
  group_id text primary key,
  read_at timestamptz not null
);
create table slack_group_member (
  group_id text not null references slack_group (group_id),
  user_id text not null,
  since timestamptz not null,
  primary key (group_id, user_id)
);
