-- Who ended a grant or a session is looked up by it, however long ago that was.
create index audit_event_ended_grant on audit_event ((facts->>'grant')) where type in ('grant_revoked', 'grant_returned');
create index audit_event_ended_session on audit_event ((facts->>'session')) where type = 'session_terminated';
