-- When the reviewers of a request that waits were reminded of it, which happens once.
alter table access_request add column reminded_at timestamptz;
