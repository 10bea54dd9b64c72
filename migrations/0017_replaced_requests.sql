-- Which request took the place of one that its requester changed while it waited.
alter table access_request add column replaced_by uuid references access_request (id);

create function keep_replaced() returns trigger language plpgsql as $$
begin
  if old.status <> 'pending' and new.replaced_by is distinct from old.replaced_by then
    raise exception 'a request is decided once' using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end
$$;
create trigger keep_replaced before update on access_request for each row execute function keep_replaced();
alter table access_request enable always trigger keep_replaced;
