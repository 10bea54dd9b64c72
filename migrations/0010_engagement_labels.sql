-- The labels that an engagement's targets had when it was confirmed, or opened where nobody had to: labels that are put on them later were
-- looked at by nobody. Of engagements from before, nobody knows them, so the next one on any label waits for a second person.
alter table engagement add column labels json not null default '[]';
