-- Schema 8: what the wait of a mail grows by.

INSERT INTO schema_migration (number) VALUES (8);

-- How often the mail server refused the recipient for the time being: the wait for the next try doubles with each. A try that met no
-- mail server, or one that was broken off, is not among them, though attempts counts it.
ALTER TABLE mail ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0;
