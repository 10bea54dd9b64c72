-- A key that was taken away opens nothing, stays on record, and is registered again by nobody.
alter table registered_key
  add column retired_at timestamptz,
  add column retired_by uuid references person (id);

create function keep_retired() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' or (new.fingerprint, new.public_key, new.person_id)
    is distinct from (old.fingerprint, old.public_key, old.person_id)
  then
    raise exception 'a key is one person’s for good' using errcode = 'integrity_constraint_violation';
  end if;
  if old.retired_at is not null and new.retired_at is distinct from old.retired_at then
    raise exception 'a key is retired for good' using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end
$$;
create trigger keep_retired before update or delete on registered_key for each row execute function keep_retired();
alter table registered_key enable always trigger keep_retired;
