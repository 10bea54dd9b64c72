-- A grant that was noted as expired is over for good, also where the clock is set back.
create function keep_expiry() returns trigger language plpgsql as $$
begin
  if old.expiry_noted_at is not null and new.expiry_noted_at is distinct from old.expiry_noted_at then
    raise exception 'a grant expires once' using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end
$$;
create trigger keep_expiry before update on access_grant for each row execute function keep_expiry();
alter table access_grant enable always trigger keep_expiry;
