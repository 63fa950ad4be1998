-- :begin
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL statement_timeout = :milliseconds;
SET LOCAL idle_in_transaction_session_timeout = :milliseconds;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
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
    INSERT INTO conversation (id, channel, handler, updated_at, steps, book, state)
    SELECT id, channel, handler, coalesce($1::timestamptz, now()), steps, book, state
    FROM unnest($2::text[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::bytea[])
        AS changed (id, channel, handler, steps, book, state)
    ON CONFLICT (id) DO UPDATE SET channel = excluded.channel, handler = excluded.handler, steps = excluded.steps, book = excluded.book,
        state = excluded.state,
        updated_at = CASE WHEN excluded.updated_at < conversation.updated_at + interval '1 second'
            THEN conversation.updated_at ELSE excluded.updated_at END
), owned AS (
    UPDATE address SET conversation_id = gained.owner, previous_conversation_id = gained.previous
    FROM unnest($8::text[], $9::text[], $10::text[], $11::text[], $12::text[])
        AS gained (channel, kind, value, owner, previous)
    WHERE (address.channel, address.kind, address.value) = (gained.channel, gained.kind, gained.value)
), unowned AS (
    DELETE FROM address USING unnest($13::text[], $14::text[], $15::text[]) AS unused (channel, kind, value)
    WHERE (address.channel, address.kind, address.value) = (unused.channel, unused.kind, unused.value)
), entries AS (
    INSERT INTO journal (conversation_id, seq, event_id, event, effects)
    SELECT * FROM unnest($16::text[], $17::integer[], $18::text[], $19::bytea[], $20::bytea[])
    RETURNING event_id
), messages AS (
    INSERT INTO message (id, conversation_id, seq, place, channel, provider_message_id, message)
    SELECT * FROM unnest(
        $21::text[], $22::text[], $23::integer[], $24::integer[], $25::text[], $26::text[], $27::bytea[]
    )
), changed_messages AS (
    UPDATE message SET provider_message_id = changed.provider_message_id, message = changed.message
    FROM unnest($28::text[], $29::text[], $30::bytea[]) AS changed (id, provider_message_id, message)
    WHERE message.id = changed.id
), effects AS (
    INSERT INTO outbox (id, conversation_id, seq, place, channel, kind, state, due_at, ready_at, failures, effect)
    SELECT * FROM unnest(
        $31::text[], $32::text[], $33::integer[], $34::integer[], $35::text[], $36::text[], $37::text[],
        $38::timestamptz[], $39::timestamptz[], $40::integer[], $41::bytea[]
    )
), changed_effects AS (
    UPDATE outbox SET state = changed.state, ready_at = changed.ready_at, failures = changed.failures
    FROM unnest($42::text[], $43::integer[], $44::integer[], $45::text[], $46::timestamptz[], $47::integer[])
        AS changed (conversation_id, seq, place, state, ready_at, failures)
    WHERE (outbox.conversation_id, outbox.seq, outbox.place) = (changed.conversation_id, changed.seq, changed.place)
), closed AS (
    DELETE FROM outbox USING unnest($48::text[], $49::integer[], $50::integer[]) AS done (conversation_id, seq, place)
    WHERE (outbox.conversation_id, outbox.seq, outbox.place) = (done.conversation_id, done.seq, done.place)
), early AS (
    INSERT INTO unmatched (event_id, channel, provider_message_id, at, event)
    SELECT event_id, channel, provider_message_id, coalesce($1::timestamptz, now()), event
    FROM unnest($51::text[], $52::text[], $53::text[], $54::bytea[])
        AS came (event_id, channel, provider_message_id, event)
), arrived AS (
    DELETE FROM unmatched WHERE event_id = ANY ($55::text[])
)
SELECT frontdesk_pay(
    $56::text[], $57::text[], $58::text[], $59::timestamptz[], $60::text[], $61::text[], $62::text[], $63::bigint[],
    $64::text[], $65::text[], $66::text[], $67::text[], $68::bigint[], $69::bigint[], $70::bigint[],
    $71::double precision[], $72::text[], $73::boolean[], $74::boolean[]
) FROM (SELECT count(*) FROM entries) AS written WHERE cardinality($56::text[]) + cardinality($57::text[]) > 0;

-- :move_unsent_messages
UPDATE message SET channel = $1 FROM outbox
WHERE outbox.conversation_id = $2 AND outbox.state IN ('pending', 'waiting') AND outbox.kind LIKE 'send\_message.%'
    AND message.id = outbox.id;

-- :move_sends
UPDATE outbox SET channel = $1 WHERE conversation_id = $2 AND kind LIKE 'send\_message.%';

-- :claim
SELECT was_ready_at, conversation_id, channel, was_state, attempt, failures, effect, seq, place
FROM frontdesk_claim($1, $2, $3);

-- :renew
WITH held AS MATERIALIZED (
    SELECT outbox.conversation_id, seq, place
    FROM outbox JOIN unnest($1::text[], $2::text[], $3::integer[]) AS claim (conversation_id, id, attempt)
        USING (conversation_id, id, attempt)
    WHERE outbox.state = 'started' ORDER BY outbox.conversation_id, seq, place FOR UPDATE OF outbox
)
UPDATE outbox SET ready_at = coalesce($4::timestamptz, now()) + $5::interval
FROM held
WHERE (outbox.conversation_id, outbox.seq, outbox.place) = (held.conversation_id, held.seq, held.place)
    AND outbox.state = 'started'
RETURNING outbox.id;

-- :add_notices
INSERT INTO notice (id, at, notice) SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::bytea[])
ON CONFLICT (id) DO NOTHING;

-- :prune_unmatched
DELETE FROM unmatched WHERE at < $1;

-- :prune_notices
DELETE FROM notice WHERE at < $1;

-- :reserve
SELECT refused, remains, passing FROM frontdesk_reserve_all(
    $1::text[], $2::text[], $3::integer[], $4::text[], $5::text[], $6::timestamptz[], $7::bigint[], $8::text[],
    $9::bigint[]
);

-- :lock_of_old_holds
SELECT FROM conversation WHERE id = ANY (ARRAY(SELECT conversation_id FROM hold WHERE at < $1)) ORDER BY id FOR UPDATE;

-- :old_holds
SELECT effect_id, attempt, conversation_id, channel, at, nano_usd, task FROM hold WHERE at < $1 ORDER BY id FOR UPDATE;

-- :pay
SELECT frontdesk_pay(
    $1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::bigint[],
    $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[], $14::bigint[], $15::bigint[],
    $16::double precision[], $17::text[], $18::boolean[], $19::boolean[]
);

-- :totals
SELECT scope, spent, held FROM total WHERE scope = ANY ($1::text[]);

-- :spent
SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, channel, flow, backend, model, task, count(*)::bigint,
    (count(*) FILTER (WHERE is_unanswered))::bigint, sum(tokens_in)::bigint, sum(tokens_out)::bigint,
    sum(tokens_cached)::bigint, sum(nano_usd)::bigint,
    coalesce(sum(nano_usd) FILTER (WHERE is_estimated), 0)::bigint,
    (count(*) FILTER (WHERE is_estimated AND nano_usd = 0))::bigint
FROM charge WHERE at >= $1 GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY 1, channel COLLATE "C", flow COLLATE "C", backend COLLATE "C", model COLLATE "C", task COLLATE "C";

-- :prune_totals
DELETE FROM total WHERE until <> '' AND until < $1;

-- :prune_processes
DELETE FROM process WHERE seen_at < $1;

-- :probe
INSERT INTO health (id, probes) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET probes = health.probes + 1;

-- :notices
SELECT notice FROM notice ORDER BY at DESC LIMIT $1;

-- :conversation
SELECT state FROM conversation WHERE id = $1;

-- :conversations_on
SELECT id, state FROM conversation WHERE channel = $1 AND id > $2 ORDER BY id LIMIT $3;

-- :conversations
SELECT state, updated_at FROM conversation ORDER BY updated_at DESC LIMIT $1;

-- :owner_of_any_address
SELECT conversation_id FROM address
WHERE channel = $1 AND kind IN ('scoped_id', 'phone', 'parent_scoped_id', 'group') AND value = $2;

-- :messages
SELECT message FROM message WHERE conversation_id = $1 ORDER BY seq, place;

-- :journal
SELECT seq, event, effects FROM journal WHERE conversation_id = $1 ORDER BY seq;

-- :add_book
INSERT INTO book (version, sources) VALUES ($1, $2) ON CONFLICT (version) DO NOTHING;

-- :book
SELECT sources FROM book WHERE version = $1;

-- :standing
SELECT id, state FROM conversation WHERE book IS NOT NULL AND id > $1 ORDER BY id LIMIT $2;

-- :backlog
SELECT state, count(*), min(ready_at) FILTER (WHERE ready_at <= coalesce($1::timestamptz, now())) FROM outbox
GROUP BY state;

-- :backlog_queue
SELECT count(*) FROM conversation WHERE handler = 'queue';

-- :enter
INSERT INTO process (id, name, seen_at) VALUES ($1, $2, now()) ON CONFLICT (id) DO UPDATE SET seen_at = now();

-- :leave
DELETE FROM process WHERE id = $1;

-- :served
SELECT name, extract(epoch FROM now() - seen_at)::float8 FROM process WHERE seen_at > now() - $1::interval
ORDER BY seen_at DESC LIMIT 1;

-- :begin_alone
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL idle_in_transaction_session_timeout = 0;
SELECT set_config(name, '0', true) FROM pg_settings WHERE name = 'transaction_timeout';

-- :is_alone
SELECT pg_try_advisory_xact_lock(7308604760);

-- :wait_briefly
SET LOCAL lock_timeout = '15s';

-- :may_write
SET LOCAL frontdesk.is_moving = 'yes';

-- :mark
SELECT mark FROM move WHERE id = 1;

-- :set_mark
INSERT INTO move (id, mark) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET mark = excluded.mark;

-- :change_mark
UPDATE move SET mark = $1 WHERE id = 1 RETURNING id;

-- :remove_mark
DELETE FROM move;

-- :forbid_writing
CREATE OR REPLACE TRIGGER moved BEFORE INSERT OR UPDATE OR DELETE ON conversation EXECUTE FUNCTION refuse_writing();
CREATE OR REPLACE TRIGGER moved BEFORE INSERT OR UPDATE OR DELETE ON address EXECUTE FUNCTION refuse_writing();
CREATE OR REPLACE TRIGGER moved BEFORE INSERT OR UPDATE OR DELETE ON message EXECUTE FUNCTION refuse_writing();
CREATE OR REPLACE TRIGGER moved BEFORE INSERT OR UPDATE OR DELETE ON journal EXECUTE FUNCTION refuse_writing();
CREATE OR REPLACE TRIGGER moved BEFORE INSERT OR UPDATE OR DELETE ON outbox EXECUTE FUNCTION refuse_writing();
CREATE OR REPLACE TRIGGER moved BEFORE INSERT OR UPDATE OR DELETE ON unmatched EXECUTE FUNCTION refuse_writing();
CREATE OR REPLACE TRIGGER moved BEFORE INSERT OR UPDATE OR DELETE ON notice EXECUTE FUNCTION refuse_writing();
CREATE OR REPLACE TRIGGER moved BEFORE INSERT OR UPDATE OR DELETE ON health EXECUTE FUNCTION refuse_writing();
CREATE OR REPLACE TRIGGER moved BEFORE INSERT OR UPDATE OR DELETE ON book EXECUTE FUNCTION refuse_writing();
CREATE OR REPLACE TRIGGER moved BEFORE INSERT OR UPDATE OR DELETE ON charge EXECUTE FUNCTION refuse_writing();
CREATE OR REPLACE TRIGGER moved BEFORE INSERT OR UPDATE OR DELETE ON hold EXECUTE FUNCTION refuse_writing();
CREATE OR REPLACE TRIGGER moved BEFORE INSERT OR UPDATE OR DELETE ON total EXECUTE FUNCTION refuse_writing();

-- :allow_writing
DROP TRIGGER IF EXISTS moved ON conversation;
DROP TRIGGER IF EXISTS moved ON address;
DROP TRIGGER IF EXISTS moved ON message;
DROP TRIGGER IF EXISTS moved ON journal;
DROP TRIGGER IF EXISTS moved ON outbox;
DROP TRIGGER IF EXISTS moved ON unmatched;
DROP TRIGGER IF EXISTS moved ON notice;
DROP TRIGGER IF EXISTS moved ON health;
DROP TRIGGER IF EXISTS moved ON book;
DROP TRIGGER IF EXISTS moved ON charge;
DROP TRIGGER IF EXISTS moved ON hold;
DROP TRIGGER IF EXISTS moved ON total;

-- :dump_conversations
SELECT id, channel, handler, updated_at, steps, state FROM conversation WHERE id > $1 ORDER BY id LIMIT $2;

-- :dump_addresses
SELECT channel, kind, value, conversation_id, previous_conversation_id FROM address
WHERE (channel, kind, value) > ($1, $2, $3) ORDER BY channel, kind, value LIMIT $4;

-- :dump_messages
SELECT channel, seq, place, message FROM message WHERE id > $1 ORDER BY id LIMIT $2;

-- :dump_journal
SELECT event_id, conversation_id, seq, event, effects FROM journal WHERE event_id > $1 ORDER BY event_id LIMIT $2;

-- :dump_outbox
SELECT id, conversation_id, seq, place, channel, kind, state, due_at, ready_at, attempt, failures, effect FROM outbox
WHERE id > $1 ORDER BY id LIMIT $2;

-- :dump_early_statuses
SELECT event, at FROM unmatched WHERE event_id > $1 ORDER BY event_id LIMIT $2;

-- :dump_notices
SELECT notice FROM notice WHERE id > $1 ORDER BY id LIMIT $2;

-- :dump_books
SELECT version, sources FROM book WHERE version > $1 ORDER BY version LIMIT $2;

-- :restore_conversations
INSERT INTO conversation (id, channel, handler, updated_at, steps, state, book)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::integer[], $6::bytea[], $7::text[])
ON CONFLICT DO NOTHING;

-- :restore_addresses
INSERT INTO address (channel, kind, value, conversation_id, previous_conversation_id)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) ON CONFLICT DO NOTHING;

-- :restore_messages
INSERT INTO message (id, conversation_id, seq, place, channel, provider_message_id, message)
SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::integer[], $5::text[], $6::text[], $7::bytea[])
ON CONFLICT DO NOTHING;

-- :restore_journal
INSERT INTO journal (event_id, conversation_id, seq, event, effects)
SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::bytea[], $5::bytea[]) ON CONFLICT DO NOTHING;

-- :restore_outbox
INSERT INTO outbox (
    id, conversation_id, seq, place, channel, kind, state, due_at, ready_at, attempt, failures, effect
) SELECT * FROM unnest(
    $1::text[], $2::text[], $3::integer[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::timestamptz[],
    $9::timestamptz[], $10::integer[], $11::integer[], $12::bytea[]
) ON CONFLICT DO NOTHING;

-- :restore_early_statuses
INSERT INTO unmatched (event_id, channel, provider_message_id, at, event)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::bytea[]) ON CONFLICT DO NOTHING;

-- :restore_notices
INSERT INTO notice (id, at, notice) SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::bytea[])
ON CONFLICT DO NOTHING;

-- :restore_books
INSERT INTO book (version, sources) SELECT * FROM unnest($1::text[], $2::bytea[]) ON CONFLICT DO NOTHING;

-- :count_conversations
SELECT count(*) FROM conversation;

-- :count_addresses
SELECT count(*) FROM address;

-- :count_messages
SELECT count(*) FROM message;

-- :count_journal
SELECT count(*) FROM journal;

-- :count_outbox
SELECT count(*) FROM outbox;

-- :count_early_statuses
SELECT count(*) FROM unmatched;

-- :count_notices
SELECT count(*) FROM notice;

-- :count_books
SELECT count(*) FROM book;

-- :dump_charges
SELECT id, at, channel, conversation_id, task, nano_usd, flow, step, backend, model, tokens_in, tokens_out,
    tokens_cached, seconds, outcome, is_estimated, is_unanswered FROM charge WHERE id > $1 ORDER BY id LIMIT $2;

-- :dump_holds
SELECT effect_id, attempt, conversation_id, channel, at, nano_usd, task FROM hold WHERE id > $1 ORDER BY id LIMIT $2;

-- :dump_totals
SELECT scope, until, spent, held FROM total WHERE scope > $1 ORDER BY scope LIMIT $2;

-- :restore_charges
INSERT INTO charge (
    id, at, channel, conversation_id, task, nano_usd, flow, step, backend, model, tokens_in, tokens_out, tokens_cached,
    seconds, outcome, is_estimated, is_unanswered
) SELECT * FROM unnest(
    $1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::bigint[], $14::double precision[], $15::text[],
    $16::boolean[], $17::boolean[]
) ON CONFLICT DO NOTHING;

-- :restore_holds
INSERT INTO hold (id, effect_id, attempt, conversation_id, channel, at, nano_usd, task)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::integer[], $4::text[], $5::text[], $6::timestamptz[], $7::bigint[], $8::text[]
) ON CONFLICT DO NOTHING;

-- :restore_totals
INSERT INTO total (scope, until, spent, held)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) ON CONFLICT DO NOTHING;

-- :count_charges
SELECT count(*) FROM charge;

-- :count_holds
SELECT count(*) FROM hold;

-- :count_totals
SELECT count(*) FROM total;
