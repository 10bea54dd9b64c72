-- What people wait for is delivered before what they only read later.
alter table outbox add column urgency smallint not null default 1;
update outbox set urgency = case
  when kind in ('engagement_opened', 'review_card', 'review_card_changed', 'request_received', 'request_closed', 'grant_issued') then 0
  when kind in ('session_line', 'session_detail') then 2
  else 1
end;

-- Since when Slack refuses the place that a message goes to; its lane waits with it.
alter table outbox add column held_since timestamptz;

-- Slack gives a channel another id when it becomes shared with, or moves to, another workspace.
create table channel_move (
  old_id text primary key,
  new_id text not null check (new_id <> old_id),
  at timestamptz not null
);
