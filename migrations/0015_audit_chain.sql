-- Each event has the hash of the event before it, and one of its own over that and what it says. Numbers have no gaps, and rise in the order
-- of the commits. Events from before have no hashes: the first event of the chain has their number and their digest.
alter table audit_event alter column id drop identity;
alter table audit_event
  add column prev text check (prev ~ '^[0-9a-f]{64}$'),
  add column hash text check (hash ~ '^[0-9a-f]{64}$'),
  add check ((prev is null) = (hash is null));

-- The last event. Whoever appends locks it, so that one transaction after the other gets its numbers.
create table audit_head (
  id smallint primary key check (id = 1),
  number bigint not null,
  hash text not null check (hash ~ '^[0-9a-f]{64}$')
);
insert into audit_head select 1, coalesce(max(id), 0), repeat('0', 64) from audit_event;

-- The thread tells the head at the beginning of a grant.
create index audit_event_created_grant on audit_event ((facts->>'grant')) where type = 'grant_created';
