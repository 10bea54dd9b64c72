-- Heads of a recording's hash chain as they were told in the thread, so that what lies on the disk can be compared with them.
alter table session
  add column head_at_start text check (head_at_start ~ '^[0-9a-f]{64}$'),
  add column head_at_end text check (head_at_end ~ '^[0-9a-f]{64}$'),
  add column recording_state text check (recording_state in ('live', 'closed', 'interrupted', 'failed', 'erased'));

-- A head is written once: what people were told stays what Daypass says.
create function keep_heads() returns trigger language plpgsql as $$
begin
  if (old.head_at_start is not null and new.head_at_start is distinct from old.head_at_start)
    or (old.head_at_end is not null and new.head_at_end is distinct from old.head_at_end)
  then
    raise exception 'the head of a recording is never edited' using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end
$$;
create trigger keep_heads before update on session for each row execute function keep_heads();
alter table session enable always trigger keep_heads;
