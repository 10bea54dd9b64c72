-- Which control runs on this database: one at a time. Its clock is the database's own, so that hosts need not agree.
create table control_lease (
  id smallint primary key check (id = 1),
  holder uuid not null,
  -- Rises with each holder: what an earlier one still has under way is refused by it.
  term bigint not null,
  host text not null,
  pid integer not null,
  -- Of the running kernel and its process namespace; together with the process's start they tell whether the holder lives.
  boot text not null,
  started text not null,
  since timestamptz not null,
  expires_at timestamptz not null
);
