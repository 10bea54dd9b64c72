-- When Slack last said who is in an engagement's channel: where it has not for too long, access in the engagement rests. Engagements from
-- before begin with this migration. And what security was told of a channel that cannot be read, until it is read again.
alter table engagement
  add column channel_read_at timestamptz not null default now(),
  add column channel_refused text,
  add column channel_told_at timestamptz;
