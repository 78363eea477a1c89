-- Schema 1: contracts, credentials, call records and the audit.
--
-- For every table and column:
--   * a time (…_at, …_until) is a whole second since 1970-01-01T00:00:00Z;
--   * a number is a Japanese telephone number in canonical national form: digits only, with its leading 0, 10 or 11 of them;
--   * NULL means "there is none", and is allowed only where that is said.
-- The SQL keeps to what SQLite and PostgreSQL share, but for the one line that says so.

-- The migrations that this store has had. Each begins by entering itself here, so that of two programs that bring a store
-- up to date at the same moment one is refused, and nothing is done twice.
CREATE TABLE schema_migration (
    -- The migration's number.
    number INTEGER NOT NULL PRIMARY KEY
);

INSERT INTO schema_migration (number) VALUES (1);

-- A contracted line.
CREATE TABLE contract (
    -- The customer number, which names the contract and is its contract number (契約者番号) as well.
    customer_number TEXT   NOT NULL PRIMARY KEY,
    -- When it was entered here.
    created_at      BIGINT NOT NULL
);

-- The telephone numbers of a contract: the contract number itself, and additional numbers (追加番号).
CREATE TABLE contract_number (
    -- The number. It belongs to one contract only.
    number          TEXT    NOT NULL PRIMARY KEY,
    -- Whose it is. A contract that goes takes its numbers with it.
    customer_number TEXT    NOT NULL REFERENCES contract (customer_number) ON DELETE CASCADE,
    -- The order: 0 is the contract number, 1 and up are additional numbers. There may be gaps.
    position        INTEGER NOT NULL,
    -- When it was entered here.
    created_at      BIGINT  NOT NULL,
    UNIQUE (customer_number, position),
    CHECK ((position = 0) = (number = customer_number))
);

-- What is contracted for a number: one row a service.
CREATE TABLE service (
    -- The number. A number that goes takes its services with it.
    number  TEXT NOT NULL REFERENCES contract_number (number) ON DELETE CASCADE,
    -- voicewarp (ボイスワープ), arrival-mail (着信お知らせメール), bulk-transfer (一括転送),
    -- fault-notice (故障・回復通知) or fax-mail (FAXお知らせメール).
    service TEXT NOT NULL
        CHECK (service IN ('voicewarp', 'arrival-mail', 'bulk-transfer', 'fault-notice', 'fax-mail')),
    PRIMARY KEY (number, service)
);

-- The passwords of an account, which is a number together with the unit by which it logs in. There is a row from the
-- first password on. Hashes are argon2id in PHC string form ($argon2id$v=19$m=…,t=…,p=…$salt$hash).
CREATE TABLE credential (
    -- The authentication unit: line (回線単位), number (電話番号単位) or admin-user (管理者・ユーザー単位).
    unit                 TEXT    NOT NULL CHECK (unit IN ('line', 'number', 'admin-user')),
    -- The customer number for the line unit, else any number of a contract. A number that goes takes its accounts with it.
    number               TEXT    NOT NULL REFERENCES contract_number (number) ON DELETE CASCADE,
    -- The temporary password's hash. NULL when none was set, or when it was used to set the account's own.
    temporary_hash       TEXT,
    -- When it was set by telephone. NULL with temporary_hash.
    temporary_set_at     BIGINT,
    -- The first second at which it is no longer valid: 86400 after temporary_set_at. NULL with temporary_hash.
    temporary_expires_at BIGINT,
    -- The hash of the account's own password. NULL when there is none yet. A temporary one does not change it.
    password_hash        TEXT,
    -- When the own password was set. NULL with password_hash.
    password_changed_at  BIGINT,
    -- The hash of the own password before that, which may not be chosen again. NULL when there was none.
    previous_hash        TEXT,
    -- Wrong passwords in a row, since the last right one or the last lock.
    failures             INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),
    -- The first second at which the account is open again after too many wrong ones. NULL when it was not locked since
    -- the last right one; a time that is past locks nothing.
    locked_until         BIGINT,
    PRIMARY KEY (unit, number),
    CHECK ((temporary_hash IS NULL) = (temporary_set_at IS NULL)),
    CHECK ((temporary_hash IS NULL) = (temporary_expires_at IS NULL)),
    CHECK ((password_hash IS NULL) = (password_changed_at IS NULL))
);

-- A call that is over, refused ones too. It outlives its contract, and holds no digit that was keyed in.
CREATE TABLE call_record (
    -- Unique among all servers on this store; log lines carry the same.
    id               TEXT    NOT NULL PRIMARY KEY,
    -- When the INVITE came.
    started_at       BIGINT  NOT NULL,
    -- When it was answered. NULL when it never was.
    answered_at      BIGINT,
    -- When it was over.
    ended_at         BIGINT  NOT NULL,
    -- The calling number. NULL when none could be believed.
    caller           TEXT,
    -- Where the signalling came from: address:port.
    peer             TEXT    NOT NULL,
    -- The authentication unit that was chosen: line, number or admin-user. NULL when the call did not come so far.
    unit             TEXT,
    -- The number of the account that was being set. NULL when the call did not come so far.
    target           TEXT,
    -- How it ended, such as set, hung-up or refused-withheld; `karipass calls --help` lists them all.
    outcome          TEXT    NOT NULL,
    -- The final SIP status of the INVITE; 0 when there was none.
    status           INTEGER NOT NULL,
    -- RTP packets that arrived, that never did, and that came again.
    packets_received BIGINT  NOT NULL DEFAULT 0,
    packets_lost     BIGINT  NOT NULL DEFAULT 0,
    packets_twice    BIGINT  NOT NULL DEFAULT 0,
    -- Interarrival jitter (RFC 3550 section 6.4.1) at the end, in milliseconds.
    jitter_ms        BIGINT  NOT NULL DEFAULT 0,
    -- How many digits were heard first by RFC 4733 events, by tones in the audio, and by SIP INFO.
    digits_rfc4733   BIGINT  NOT NULL DEFAULT 0,
    digits_inband    BIGINT  NOT NULL DEFAULT 0,
    digits_info      BIGINT  NOT NULL DEFAULT 0
);

CREATE INDEX call_record_by_start ON call_record (started_at);
CREATE INDEX call_record_by_caller ON call_record (caller, started_at);

-- Who did what to which account, and when. Rows are added, never changed.
CREATE TABLE audit (
    -- Counts up in the order of writing. (PostgreSQL: BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY.)
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    -- When.
    at     BIGINT NOT NULL,
    -- Who: `call ID` with a call record's id, or the program, such as `contract import` or `site`.
    actor  TEXT   NOT NULL,
    -- What: contract-saved, contract-removed, number-removed, temporary-set, password-set, verified, wrong, expired,
    -- locked, unlocked, or another program's own word.
    action TEXT   NOT NULL,
    -- The account's unit. NULL when it concerns none.
    unit   TEXT,
    -- The account's, number's or contract's number. NULL when it concerns none.
    number TEXT,
    -- What else there is to say; never a password or a hash. NULL when nothing.
    detail TEXT
);

CREATE INDEX audit_by_number ON audit (number, at);
