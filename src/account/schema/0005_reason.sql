-- Schema 5: why a caller hung up.

INSERT INTO schema_migration (number) VALUES (5);

-- What the caller said when it hung up (BYE) or gave up (CANCEL): the value of Reason (RFC 3326), such as
-- Q.850;cause=16;text="normal call clearing". NULL when it said nothing, or when the call ended otherwise.
ALTER TABLE call_record ADD COLUMN reason TEXT;
