-- Payloads are JSON as the core's Structs encode it, kept as bytes: contacts write NUL, which text and jsonb refuse.

-- Who may decide holds this row's lock. `steps` is the number of the last journal entry. `updated_at` moves by a second
-- at least: a row whose indexed columns stay as they are is changed within its page.
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
-- waiting, started or unknown. Rows live for seconds, so there are many dead ones: the table is swept often and without
-- rest, and it has no index but these two. Each would be written for every change, and the more there are, the likelier
-- the planner picks one that it walks from end to end.
CREATE TABLE outbox (
    id              text NOT NULL,
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
    effect          bytea NOT NULL,
    PRIMARY KEY (conversation_id, seq, place)
) WITH (
    fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 200,
    autovacuum_vacuum_cost_limit = 2000, autovacuum_analyze_scale_factor = 0.05
);
CREATE INDEX outbox_ready_at ON outbox (ready_at) WHERE ready_at IS NOT NULL;

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

-- What a batch has to wait for, lock and read before it is decided, in one round trip. Each statement of the body sees
-- what was committed when it began, so the last reads what the locks have waited for. First comes what others may be
-- creating (statuses, addresses), then the conversations, then their rows: as nobody waits for an earlier step while
-- holding a later one, nobody deadlocks.
--   status_locks  keys of the vendor's message ids, so that a status and the response that tells whose it is cannot
--                 miss one another
--   address       nobody's are inserted without an owner; waits for a process that is meeting the same new contact
CREATE FUNCTION frontdesk_open_batch(
    status_locks bigint[], conversations text[], address_channels text[], address_kinds text[], address_values text[],
    messages text[], told_channels text[], told_ids text[], events text[]
) RETURNS TABLE (part text, words text[], at timestamptz, numbers integer[], body bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    locked text[];
BEGIN
    PERFORM pg_advisory_xact_lock(key) FROM unnest(status_locks) AS key;

    RETURN QUERY
    INSERT INTO address AS reserved (channel, kind, value, conversation_id)
    SELECT channel, kind, value, '' FROM unnest(address_channels, address_kinds, address_values)
        AS gained (channel, kind, value)
    ON CONFLICT (channel, kind, value) DO NOTHING
    RETURNING 'reserved', ARRAY[reserved.channel, reserved.kind, reserved.value], NULL::timestamptz,
        NULL::integer[], NULL::bytea;

    SELECT coalesce(array_agg(id), '{}') INTO locked FROM (
        SELECT id FROM conversation WHERE id IN (
            SELECT unnest(conversations)
            UNION
            SELECT conversation_id FROM address
            JOIN unnest(address_channels, address_kinds, address_values) AS gained (channel, kind, value)
                USING (channel, kind, value)
            UNION
            SELECT conversation_id FROM message WHERE id = ANY (messages)
            UNION
            SELECT conversation_id FROM message
            JOIN unnest(told_channels, told_ids) AS told (channel, provider_message_id)
                USING (channel, provider_message_id)
        ) ORDER BY id FOR UPDATE
    ) AS concerned;

    RETURN QUERY
    WITH held AS MATERIALIZED (
        SELECT id, conversation_id, kind, state, due_at, attempt, failures, seq, place FROM outbox
        WHERE conversation_id = ANY (locked) ORDER BY conversation_id, seq, place FOR UPDATE
    )
    SELECT 'conversation', ARRAY[id], NULL::timestamptz, ARRAY[steps], state FROM conversation WHERE id = ANY (locked)
    UNION ALL
    SELECT 'effect', ARRAY[id, conversation_id, kind, state], due_at, ARRAY[attempt, failures, seq, place], NULL
    FROM held
    UNION ALL
    SELECT 'address', ARRAY[channel, kind, value, conversation_id], NULL, NULL, NULL FROM address
    JOIN unnest(address_channels, address_kinds, address_values) AS gained (channel, kind, value)
        USING (channel, kind, value)
    UNION ALL
    SELECT 'seen', ARRAY[event_id], NULL, NULL, NULL FROM journal WHERE event_id = ANY (events)
    UNION ALL
    SELECT 'message', ARRAY[channel], NULL, NULL, message FROM message WHERE id IN (
        SELECT id FROM held WHERE kind LIKE 'send_message.%'
        UNION
        SELECT unnest(messages)
        UNION
        SELECT id FROM message
        JOIN unnest(told_channels, told_ids) AS told (channel, provider_message_id)
            USING (channel, provider_message_id)
    )
    UNION ALL
    SELECT 'unmatched', NULL, at, NULL, event FROM unmatched
    JOIN unnest(told_channels, told_ids) AS told (channel, provider_message_id)
        USING (channel, provider_message_id);
END
$$;

-- A claim is a transaction of its own in one round trip. `is_now` null: the database's time. The index has to be walked in
-- its order, by a plain scan: that one marks the entries of rows that are gone, and the next walks past them. A bitmap
-- scan visits them all, each time, until the table is swept (measured: 25,000 dead rows and 22 ms for each claim).
CREATE FUNCTION frontdesk_claim(is_now timestamptz, lease interval, claims_max integer)
RETURNS TABLE (
    was_ready_at timestamptz, conversation_id text, channel text, was_state text, attempt integer, failures integer,
    effect bytea, seq integer, place integer
)
LANGUAGE sql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
WITH ready AS MATERIALIZED (
    SELECT conversation_id, seq, place, state, ready_at FROM outbox WHERE ready_at <= coalesce(is_now, now())
    ORDER BY ready_at LIMIT claims_max FOR UPDATE SKIP LOCKED
)
UPDATE outbox SET state = 'started', ready_at = coalesce(is_now, now()) + lease, attempt = outbox.attempt + 1
FROM ready
WHERE (outbox.conversation_id, outbox.seq, outbox.place) = (ready.conversation_id, ready.seq, ready.place)
    AND outbox.ready_at <= coalesce(is_now, now())
RETURNING ready.ready_at, outbox.conversation_id, outbox.channel, ready.state, outbox.attempt, outbox.failures,
    outbox.effect, outbox.seq, outbox.place
$$;
