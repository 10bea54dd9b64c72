-- HMACs over what decides, with a key that the database does not hold. A row whose mac does not fit counts for nothing.
alter table slack_account add column mac text;
alter table registered_key add column mac text;
alter table registration_code add column mac text;
-- Over the engagement's row and its people.
alter table engagement add column mac text;
alter table access_request add column mac text;
alter table review add column mac text;

-- Rises with each sealed change. Control keeps the same number in a file of its own: a database that is behind it is an older one.
create table seal_head (
  id smallint primary key check (id = 1),
  number bigint not null,
  mac text not null
);
