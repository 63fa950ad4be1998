-- Times are integers: microseconds since 1970, UTC. Payloads are JSON as the core's Structs encode it.

CREATE TABLE conversation (
    id         TEXT PRIMARY KEY,
    channel    TEXT NOT NULL,
    name       TEXT NOT NULL,
    handler    TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    state      BLOB NOT NULL
);
CREATE INDEX conversation_updated_at ON conversation (updated_at);

CREATE INDEX conversation_queue ON conversation (id) WHERE handler = 'queue';

-- Who owns an address now. When it moves to another conversation the previous owner stays on record, so that the move
-- can be undone.
CREATE TABLE address (
    channel                  TEXT NOT NULL,
    kind                     TEXT NOT NULL,
    value                    TEXT NOT NULL,
    conversation_id          TEXT NOT NULL,
    previous_conversation_id TEXT,
    PRIMARY KEY (channel, kind, value)
) WITHOUT ROWID;

-- `seq` is the journal entry that added the message, `place` its place among the messages of that entry.
CREATE TABLE message (
    id                  TEXT PRIMARY KEY,
    conversation_id     TEXT NOT NULL,
    seq                 INTEGER NOT NULL,
    place               INTEGER NOT NULL,
    channel             TEXT NOT NULL,
    provider_message_id TEXT,
    at                  INTEGER NOT NULL,
    author              TEXT NOT NULL,
    status              TEXT NOT NULL,
    in_reply_to         TEXT,
    detail              TEXT NOT NULL,
    content             BLOB NOT NULL
);
CREATE INDEX message_conversation ON message (conversation_id, seq, place);
CREATE INDEX message_provider_message_id ON message (provider_message_id) WHERE provider_message_id IS NOT NULL;

-- The evidence, without gaps in `seq`. The unique event id is also what drops duplicates.
CREATE TABLE journal (
    event_id        TEXT PRIMARY KEY,
    conversation_id TEXT NOT NULL,
    seq             INTEGER NOT NULL,
    event           BLOB NOT NULL,
    effects         BLOB NOT NULL
);
CREATE UNIQUE INDEX journal_conversation ON journal (conversation_id, seq);

-- What is not settled, in the order of `seq` and `place`. `ready_at` is null for what waits behind another send
-- of its conversation and for what is unknown; while an effect is claimed it is the end of the lease. `state` is
-- pending, waiting, started or unknown; no CHECK says so, for it would cost as much as the rest of the insert.
CREATE TABLE outbox (
    id              TEXT PRIMARY KEY,
    conversation_id TEXT NOT NULL,
    seq             INTEGER NOT NULL,
    place           INTEGER NOT NULL,
    channel         TEXT NOT NULL,
    kind            TEXT NOT NULL,
    state           TEXT NOT NULL,
    due_at          INTEGER NOT NULL,
    ready_at        INTEGER,
    attempt         INTEGER NOT NULL DEFAULT 0,
    failures        INTEGER NOT NULL DEFAULT 0,
    effect          BLOB NOT NULL
);
CREATE INDEX outbox_ready_at ON outbox (ready_at) WHERE ready_at IS NOT NULL;
CREATE INDEX outbox_conversation ON outbox (conversation_id, seq, place);

-- Statuses that came before the message they speak of was known.
CREATE TABLE unmatched (
    event_id            TEXT PRIMARY KEY,
    channel             TEXT NOT NULL,
    provider_message_id TEXT NOT NULL,
    at                  INTEGER NOT NULL,
    event               BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX unmatched_provider_message_id ON unmatched (channel, provider_message_id);

CREATE TABLE notice (
    id       TEXT PRIMARY KEY,
    at       INTEGER NOT NULL,
    channel  TEXT NOT NULL,
    kind     TEXT NOT NULL,
    text     TEXT NOT NULL,
    raw      TEXT NOT NULL,
    is_alarm INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX notice_at ON notice (at);

CREATE INDEX unmatched_at ON unmatched (at);

-- One row that is written to see whether writing works.
CREATE TABLE health (
    id     INTEGER PRIMARY KEY,
    probes INTEGER NOT NULL
);

-- While this database is being moved to another place or from one, and after it was moved away: one row, which keeps it
-- from being served.
CREATE TABLE move (
    id   INTEGER PRIMARY KEY,
    mark BLOB NOT NULL
);
