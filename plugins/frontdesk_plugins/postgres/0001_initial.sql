-- Payloads are JSON as the core's Structs encode it, kept as bytes: contacts write NUL, which text and jsonb refuse.

-- Who may decide holds this row's lock. `steps` is the number of the last journal entry.
CREATE TABLE conversation (
    id         text PRIMARY KEY,
    channel    text NOT NULL,
    handler    text NOT NULL,
    updated_at timestamptz NOT NULL,
    steps      integer NOT NULL,
    state      bytea NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX conversation_updated_at ON conversation (updated_at);
CREATE INDEX conversation_queue ON conversation (id) WHERE handler = 'queue';

-- Who owns an address now. When it moves to another conversation the previous owner stays on record, so that the move
-- can be undone.
CREATE TABLE address (
    channel                  text NOT NULL,
    kind                     text NOT NULL,
    value                    text NOT NULL,
    conversation_id          text NOT NULL,
    previous_conversation_id text,
    PRIMARY KEY (channel, kind, value)
);

-- `seq` is the journal entry that added the message, `place` its place among the messages of that entry.
CREATE TABLE message (
    id                  text PRIMARY KEY,
    conversation_id     text NOT NULL,
    seq                 integer NOT NULL,
    place               integer NOT NULL,
    channel             text NOT NULL,
    provider_message_id text,
    message             bytea NOT NULL
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX message_conversation ON message (conversation_id, seq, place);
CREATE INDEX message_provider_message_id ON message (provider_message_id, channel)
    WHERE provider_message_id IS NOT NULL;

-- The evidence, without gaps. The unique event id is also what drops duplicates.
CREATE TABLE journal (
    conversation_id text NOT NULL,
    seq             integer NOT NULL,
    event_id        text NOT NULL UNIQUE,
    event           bytea NOT NULL,
    effects         bytea NOT NULL,
    PRIMARY KEY (conversation_id, seq)
);

-- What is not settled, in the order of `seq` and `place`. `ready_at` is null for what waits behind another send of its
-- conversation and for what is unknown; while an effect is claimed it is the end of the lease. `state` is pending,
-- waiting, started or unknown. Rows live for seconds: the table is swept often and without rest.
CREATE TABLE outbox (
    id              text PRIMARY KEY,
    conversation_id text NOT NULL,
    seq             integer NOT NULL,
    place           integer NOT NULL,
    channel         text NOT NULL,
    kind            text NOT NULL,
    state           text NOT NULL,
    due_at          timestamptz NOT NULL,
    ready_at        timestamptz,
    attempt         integer NOT NULL DEFAULT 0,
    failures        integer NOT NULL DEFAULT 0,
    effect          bytea NOT NULL
) WITH (
    fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 200,
    autovacuum_vacuum_cost_limit = 2000, autovacuum_analyze_scale_factor = 0.05
);
CREATE INDEX outbox_ready_at ON outbox (ready_at) WHERE ready_at IS NOT NULL;
CREATE INDEX outbox_conversation ON outbox (conversation_id);

-- Statuses that came before the message they speak of was known.
CREATE TABLE unmatched (
    event_id            text PRIMARY KEY,
    channel             text NOT NULL,
    provider_message_id text NOT NULL,
    at                  timestamptz NOT NULL,
    event               bytea NOT NULL
);
CREATE INDEX unmatched_provider_message_id ON unmatched (provider_message_id, channel);
CREATE INDEX unmatched_at ON unmatched (at);

CREATE TABLE notice (
    id     text PRIMARY KEY,
    at     timestamptz NOT NULL,
    notice bytea NOT NULL
);
CREATE INDEX notice_at ON notice (at);

-- One row that is written to see whether writing works.
CREATE TABLE health (
    id     integer PRIMARY KEY,
    probes integer NOT NULL
) WITH (fillfactor = 10);

-- Who serves this database, by its own clock. A row that is not renewed is of a process that died.
CREATE TABLE process (
    id      text PRIMARY KEY,
    name    text NOT NULL,
    seen_at timestamptz NOT NULL
);

-- While this database is being moved to another place or from one, and after it was moved away: one row, which keeps it
-- from being served. Whoever opened it before is refused by triggers, which are there only as long as the row is.
CREATE TABLE move (
    id   integer PRIMARY KEY,
    mark bytea NOT NULL
);

CREATE FUNCTION refuse_writing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('frontdesk.is_moving', true) IS DISTINCT FROM 'yes' THEN
        RAISE EXCEPTION 'the store is being moved, or was moved away' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NULL;
END
$$;
