-- Schema 6: what became of encrypted media, and why media was refused.

INSERT INTO schema_migration (number) VALUES (6);

-- Why a session description of the caller's was refused, such as 'no crypto suite in common': at the start (outcome refused-media), or
-- when it wanted to change the session later. The last one, if there were several. NULL when none was.
ALTER TABLE call_record ADD COLUMN refused_media TEXT;

-- The crypto suite by which media was encrypted last, by its name in RFC 4568 or RFC 7714. NULL when it was not.
ALTER TABLE call_record ADD COLUMN srtp TEXT;

-- Encrypted packets, RTP and RTCP, that were dropped: forged, damaged or under another key; and received before, or too old to tell.
ALTER TABLE call_record ADD COLUMN packets_unauthentic INTEGER NOT NULL DEFAULT 0;
ALTER TABLE call_record ADD COLUMN packets_replayed INTEGER NOT NULL DEFAULT 0;
