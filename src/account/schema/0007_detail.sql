-- Schema 7: what the outcome alone does not tell.

INSERT INTO schema_migration (number) VALUES (7);

-- What in particular was wrong, in words of ours: why nobody was identified, what an INVITE asked for in vain, media that came from
-- elsewhere than agreed. Never a key, and no number but one that was called. NULL when there is nothing to add.
ALTER TABLE call_record ADD COLUMN detail TEXT;
