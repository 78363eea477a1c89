-- Schema 2: the settings site: who is logged in, and what is set for each service.
-- Times, numbers and NULL are written as schema 1 says.

INSERT INTO schema_migration (number) VALUES (2);

-- When a temporary password opened the site. NULL while it has not: it opens it once only. A new one begins with NULL.
ALTER TABLE credential ADD COLUMN temporary_used_at BIGINT;

-- Who is logged in on the settings site. A row goes when its subscriber logs out, when the account's password is changed,
-- and when it has been idle for too long and another one is made.
CREATE TABLE session (
    -- BLAKE2b-256 of the cookie, in hex: who reads this table cannot become anybody.
    id         TEXT   NOT NULL PRIMARY KEY,
    -- The account's authentication unit, as in credential.
    unit       TEXT   NOT NULL CHECK (unit IN ('line', 'number', 'admin-user')),
    -- The account's number. A number that goes ends its sessions.
    number     TEXT   NOT NULL REFERENCES contract_number (number) ON DELETE CASCADE,
    -- open: the services can be reached. temporary or aged: the subscriber's own password has to be set first, because a
    -- temporary one was used or because the own one has become too old.
    stage      TEXT   NOT NULL CHECK (stage IN ('open', 'temporary', 'aged')),
    -- When it began.
    created_at BIGINT NOT NULL,
    -- When it was last used.
    seen_at    BIGINT NOT NULL
);

CREATE INDEX session_by_account ON session (unit, number);
CREATE INDEX session_by_age ON session (seen_at);

-- What a subscriber has set for a service of a number. There is a row from the first change on; without one the service is
-- off and its settings are empty.
CREATE TABLE setting (
    -- The number. A number that goes takes its settings with it.
    number     TEXT    NOT NULL REFERENCES contract_number (number) ON DELETE CASCADE,
    -- As in the table service. A service that is no longer contracted leaves its row, stopped, which then means
    -- nothing.
    service    TEXT    NOT NULL
        CHECK (service IN ('voicewarp', 'arrival-mail', 'bulk-transfer', 'fault-notice', 'fax-mail')),
    -- Counts the changes, from 1, so that who changes what somebody else has changed meanwhile is told.
    revision   BIGINT  NOT NULL,
    -- 1 when the service is started, 0 when it is stopped.
    active     INTEGER NOT NULL CHECK (active IN (0, 1)),
    -- The rest, as a JSON object whose keys depend on the service; src/account/setting.rs names and explains them.
    detail     TEXT    NOT NULL,
    -- When it was last changed.
    changed_at BIGINT  NOT NULL,
    PRIMARY KEY (number, service)
);
