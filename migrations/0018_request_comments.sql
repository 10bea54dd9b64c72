-- What reviewers and the requester say to each other about a request that waits. Rows are only ever added.
create table request_comment (
  request_id uuid not null references access_request (id),
  ordinal smallint not null check (ordinal >= 0),
  person_id uuid not null references person (id),
  comment text not null,
  commented_at timestamptz not null,
  mac text not null,
  primary key (request_id, ordinal)
);

create trigger append_only before update or delete on request_comment for each row execute function refuse_change();
create trigger append_only_truncate before truncate on request_comment for each statement execute function refuse_change();
alter table request_comment enable always trigger append_only;
alter table request_comment enable always trigger append_only_truncate;
