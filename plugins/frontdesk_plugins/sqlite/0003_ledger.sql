-- What answers and messages cost. Amounts are billionths of a dollar.
CREATE TABLE charge (
    id              TEXT PRIMARY KEY,
    at              INTEGER NOT NULL,
    channel         TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    task            TEXT NOT NULL,
    nano_usd        INTEGER NOT NULL,
    flow            TEXT NOT NULL,
    step            TEXT NOT NULL,
    backend         TEXT NOT NULL,
    model           TEXT NOT NULL,
    tokens_in       INTEGER NOT NULL,
    tokens_out      INTEGER NOT NULL,
    tokens_cached   INTEGER NOT NULL,
    seconds         REAL NOT NULL,
    outcome         TEXT NOT NULL,
    is_estimated    INTEGER NOT NULL,
    is_unanswered   INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX charge_at ON charge (at);

-- Money set aside for calls that are under way.
CREATE TABLE hold (
    id              TEXT PRIMARY KEY,
    effect_id       TEXT NOT NULL,
    attempt         INTEGER NOT NULL,
    conversation_id TEXT NOT NULL,
    channel         TEXT NOT NULL,
    at              INTEGER NOT NULL,
    nano_usd        INTEGER NOT NULL,
    task            TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX hold_at ON hold (at);

-- What was spent and what is held, for each scope of a cap; `until` is the last day it counts, "" where it has none.
CREATE TABLE total (
    scope TEXT PRIMARY KEY,
    until TEXT NOT NULL,
    spent INTEGER NOT NULL,
    held  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX total_until ON total (until) WHERE until <> '';
