-- :begin
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL statement_timeout = :milliseconds;
SET LOCAL idle_in_transaction_session_timeout = :milliseconds;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SET LOCAL jit = off;

-- :begin_reading
BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;
SET LOCAL statement_timeout = :milliseconds;

-- :commit
COMMIT;

-- :rollback
ROLLBACK;

-- :lock_schema
SELECT pg_advisory_xact_lock(7308604759);

-- :backend
SELECT pg_backend_pid();

-- :is_replica
SELECT pg_is_in_recovery();

-- :durability
SELECT current_setting('synchronous_commit');

-- :has_schema
SELECT to_regclass('frontdesk_schema') IS NOT NULL;

-- :create_schema
CREATE TABLE frontdesk_schema (version integer PRIMARY KEY);

-- :schema_version
SELECT coalesce(max(version), 0) FROM frontdesk_schema;

-- :add_schema_version
INSERT INTO frontdesk_schema (version) VALUES ($1);

-- :open_batch
SELECT part, words, at, numbers, body FROM frontdesk_open_batch($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- :write
WITH conversations AS (
    INSERT INTO conversation (id, channel, handler, updated_at, steps, state)
    SELECT id, channel, handler, coalesce($1::timestamptz, now()), steps, state
    FROM unnest($2::text[], $3::text[], $4::text[], $5::integer[], $6::bytea[])
        AS changed (id, channel, handler, steps, state)
    ON CONFLICT (id) DO UPDATE SET handler = excluded.handler, updated_at = excluded.updated_at,
        steps = excluded.steps, state = excluded.state
), owned AS (
    UPDATE address SET conversation_id = gained.owner, previous_conversation_id = gained.previous
    FROM unnest($7::text[], $8::text[], $9::text[], $10::text[], $11::text[])
        AS gained (channel, kind, value, owner, previous)
    WHERE (address.channel, address.kind, address.value) = (gained.channel, gained.kind, gained.value)
), unowned AS (
    DELETE FROM address USING unnest($12::text[], $13::text[], $14::text[]) AS unused (channel, kind, value)
    WHERE (address.channel, address.kind, address.value) = (unused.channel, unused.kind, unused.value)
), entries AS (
    INSERT INTO journal (conversation_id, seq, event_id, event, effects)
    SELECT * FROM unnest($15::text[], $16::integer[], $17::text[], $18::bytea[], $19::bytea[])
), messages AS (
    INSERT INTO message (id, conversation_id, seq, place, channel, provider_message_id, message)
    SELECT * FROM unnest(
        $20::text[], $21::text[], $22::integer[], $23::integer[], $24::text[], $25::text[], $26::bytea[]
    )
), changed_messages AS (
    UPDATE message SET provider_message_id = changed.provider_message_id, message = changed.message
    FROM unnest($27::text[], $28::text[], $29::bytea[]) AS changed (id, provider_message_id, message)
    WHERE message.id = changed.id
), effects AS (
    INSERT INTO outbox (id, conversation_id, seq, place, channel, kind, state, due_at, ready_at, failures, effect)
    SELECT * FROM unnest(
        $30::text[], $31::text[], $32::integer[], $33::integer[], $34::text[], $35::text[], $36::text[],
        $37::timestamptz[], $38::timestamptz[], $39::integer[], $40::bytea[]
    )
), changed_effects AS (
    UPDATE outbox SET state = changed.state, ready_at = changed.ready_at, failures = changed.failures
    FROM unnest($41::text[], $42::text[], $43::timestamptz[], $44::integer[])
        AS changed (id, state, ready_at, failures)
    WHERE outbox.id = changed.id
), closed AS (
    DELETE FROM outbox WHERE id = ANY ($45::text[])
), early AS (
    INSERT INTO unmatched (event_id, channel, provider_message_id, at, event)
    SELECT event_id, channel, provider_message_id, coalesce($1::timestamptz, now()), event
    FROM unnest($46::text[], $47::text[], $48::text[], $49::bytea[])
        AS came (event_id, channel, provider_message_id, event)
)
DELETE FROM unmatched WHERE event_id = ANY ($50::text[]);

-- :claim
SELECT was_ready_at, conversation_id, channel, was_state, attempt, failures, effect, seq, place
FROM frontdesk_claim($1, $2, $3);

-- :renew
WITH held AS MATERIALIZED (
    SELECT outbox.id FROM outbox JOIN unnest($1::text[], $2::integer[]) AS claim (id, attempt)
        ON outbox.id = claim.id AND outbox.attempt = claim.attempt
    WHERE outbox.state = 'started' ORDER BY outbox.id FOR UPDATE OF outbox
)
UPDATE outbox SET ready_at = coalesce($3::timestamptz, now()) + $4::interval
FROM held WHERE outbox.id = held.id AND outbox.state = 'started' RETURNING outbox.id;

-- :add_notices
INSERT INTO notice (id, at, notice) SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::bytea[])
ON CONFLICT (id) DO NOTHING;

-- :prune_unmatched
DELETE FROM unmatched WHERE at < $1;

-- :prune_notices
DELETE FROM notice WHERE at < $1;

-- :probe
INSERT INTO health (id, probes) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET probes = health.probes + 1;

-- :notices
SELECT notice FROM notice ORDER BY at DESC LIMIT $1;

-- :conversation
SELECT state FROM conversation WHERE id = $1;

-- :conversations
SELECT state, updated_at FROM conversation ORDER BY updated_at DESC LIMIT $1;

-- :owner_of_any_address
SELECT conversation_id FROM address
WHERE channel = $1 AND kind IN ('scoped_id', 'phone', 'parent_scoped_id', 'group') AND value = $2;

-- :messages
SELECT message FROM message WHERE conversation_id = $1 ORDER BY seq, place;

-- :journal
SELECT seq, event, effects FROM journal WHERE conversation_id = $1 ORDER BY seq;

-- :backlog
SELECT state, count(*), min(ready_at) FILTER (WHERE ready_at <= coalesce($1::timestamptz, now())) FROM outbox
GROUP BY state;

-- :backlog_queue
SELECT count(*) FROM conversation WHERE handler = 'queue';
