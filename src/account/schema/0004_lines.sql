-- Schema 4: the passwords by which telephones prove to be a line (SIP digest authentication, RFC 7616, RFC 8760).
-- Times, numbers and NULL are written as schema 1 says.

INSERT INTO schema_migration (number) VALUES (4);

-- A line whose telephone has a password. It is a password of its own: it opens no account, and no account's password opens it.
CREATE TABLE line_password (
    -- The number that the telephone calls from. A number that goes takes its password with it.
    number TEXT   NOT NULL PRIMARY KEY REFERENCES contract_number (number) ON DELETE CASCADE,
    -- The realm that the hashes below were made for. A server with another realm cannot use them: set the password anew.
    realm  TEXT   NOT NULL,
    -- When it was set.
    set_at BIGINT NOT NULL
);

-- The ways in which telephones write a line's user name, and what each is compared with. A digest hashes the user name as it
-- is written, so each writing has hashes of its own; src/sip/digest/habit.rs lists them.
CREATE TABLE line_user_name (
    -- The user name, exactly as a telephone sends it: 0600001111, +81600001111, 0600001111@192.0.2.10 …
    user_name TEXT NOT NULL PRIMARY KEY,
    -- Whose it is.
    number    TEXT NOT NULL REFERENCES line_password (number) ON DELETE CASCADE,
    -- SHA-256 and MD5 of user_name:realm:password (HA1 in RFC 7616), in hex. Within the realm they are as good as the password:
    -- who may read this table can be any of these lines to this service, and nothing elsewhere.
    ha1_sha256 TEXT NOT NULL,
    ha1_md5    TEXT NOT NULL
);

CREATE INDEX line_user_name_by_number ON line_user_name (number);
