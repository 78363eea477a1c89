-- Schema 3: what the services do: mails on their way out, received faxes, mail addresses to be confirmed, events that happened.
-- Times, numbers and NULL are written as schema 1 says.

INSERT INTO schema_migration (number) VALUES (3);

-- Mails: one row a recipient, so that one address that is refused holds up no other. A row is entered in the transaction of
-- what the mail tells of. It is claimed by one server, handed over to the mail server, and settled.
CREATE TABLE mail (
    -- 128 random bits in hex; the mail's Message-ID is this and the sender's domain, at every try the same.
    id            TEXT    NOT NULL PRIMARY KEY,
    -- What it tells: arrival, fault, recovery, fax or confirm (the request to confirm an address).
    purpose       TEXT    NOT NULL CHECK (purpose IN ('arrival', 'fault', 'recovery', 'fax', 'confirm')),
    -- The number whose setting it follows. Mails outlive their contract.
    number        TEXT    NOT NULL,
    -- The address it goes to.
    recipient     TEXT    NOT NULL,
    subject       TEXT    NOT NULL,
    -- The text, without the links, which the sender adds. Emptied when the mail is sent.
    body          TEXT    NOT NULL,
    -- queued: waits, or is claimed. sent: a mail server has taken it. failed: it was refused for good, or for too long.
    state         TEXT    NOT NULL CHECK (state IN ('queued', 'sent', 'failed')),
    -- When it was entered.
    created_at    BIGINT  NOT NULL,
    -- Not to be tried before.
    due_at        BIGINT  NOT NULL,
    -- How often it was tried.
    attempts      INTEGER NOT NULL DEFAULT 0,
    -- Who is trying now. NULL when nobody is.
    claimed_by    TEXT,
    -- The first second at which the claim is over, because its server must have died. NULL with claimed_by.
    claimed_until BIGINT,
    -- 1 from just before the message goes to the mail server until its answer is entered here. A mail that is claimed anew with
    -- this set may have been taken already: it is tried again under the same Message-ID, and may arrive twice.
    handing_over  INTEGER NOT NULL DEFAULT 0 CHECK (handing_over IN (0, 1)),
    -- What the last try met. NULL when nothing was in its way.
    problem       TEXT,
    -- When it was sent or failed. NULL while it is queued.
    settled_at    BIGINT,
    CHECK ((claimed_by IS NULL) = (claimed_until IS NULL)),
    CHECK ((state = 'queued') = (settled_at IS NULL))
);

CREATE INDEX mail_by_due ON mail (state, due_at);
CREATE INDEX mail_by_number ON mail (number, purpose, created_at);

-- Links that confirm a fax mail address, each for one use. A mail that is tried again carries another link; each of them works
-- until one is used.
CREATE TABLE address_confirmation (
    -- BLAKE2b-256 of what is in the link, in hex: who reads this table cannot confirm anything.
    token_hash TEXT   NOT NULL PRIMARY KEY,
    -- The number whose address it is. A number that goes takes them along.
    number     TEXT   NOT NULL REFERENCES contract_number (number) ON DELETE CASCADE,
    -- The address. The link confirms nothing when another one is set meanwhile.
    address    TEXT   NOT NULL,
    -- The first second at which the link is no longer valid.
    expires_at BIGINT NOT NULL
);

CREATE INDEX address_confirmation_by_number ON address_confirmation (number);

-- Received faxes that are kept for the subscriber until deleted.
CREATE TABLE fax (
    -- Counts up. (PostgreSQL: BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY.)
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The number that received it. A number that goes takes its faxes with it.
    number      TEXT    NOT NULL REFERENCES contract_number (number) ON DELETE CASCADE,
    -- The sender's number; of another country with + and the country code. NULL when it was withheld.
    caller      TEXT,
    received_at BIGINT  NOT NULL,
    pages       INTEGER NOT NULL CHECK (pages > 0),
    -- When the subscriber first opened it. NULL when never.
    viewed_at   BIGINT,
    -- Bytes of document.
    size        BIGINT  NOT NULL,
    -- The TIFF as it was received. (PostgreSQL: BYTEA.)
    document    BLOB    NOT NULL
);

CREATE INDEX fax_by_number ON fax (number, received_at);

-- Events that were played with an id, so that one that is told twice happens once. A row goes after 30 days.
CREATE TABLE event (
    -- The teller's own id.
    id          TEXT   NOT NULL PRIMARY KEY,
    -- When it was taken.
    happened_at BIGINT NOT NULL
);

CREATE INDEX event_by_time ON event (happened_at);
