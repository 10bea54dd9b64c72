-- When Slack last said that an account is active, since when it shows it no more, and when security was told of the doubt. A person
-- whom nobody has confirmed for too long has no access until somebody does.
alter table person
  add column confirmed_at timestamptz not null default now(),
  add column unseen_since timestamptz,
  add column doubt_told_at timestamptz;

create index slack_account_user on slack_account (user_id);

-- Members are looked for in the engagement's channel: who was seen there and is gone works in it no more.
alter table engagement_person
  add column seen_at timestamptz,
  add column left_at timestamptz;
