-- :is_seen
SELECT 1 FROM journal WHERE event_id = ?;

-- :is_unmatched
SELECT 1 FROM unmatched WHERE event_id = ?;

-- :conversation
SELECT state FROM conversation WHERE id = ?;

-- :conversations
SELECT id, channel, name, handler, updated_at FROM conversation ORDER BY updated_at DESC LIMIT ?;

-- :write_conversation
INSERT INTO conversation (id, channel, name, handler, updated_at, book, state) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    channel = excluded.channel, name = excluded.name, handler = excluded.handler, updated_at = excluded.updated_at,
    book = excluded.book, state = excluded.state;

-- :conversations_on
SELECT id, state FROM conversation WHERE channel = ? AND id > ? ORDER BY id LIMIT ?;

-- :standing
SELECT id, state FROM conversation WHERE book IS NOT NULL AND id > ? ORDER BY id LIMIT ?;

-- :add_book
INSERT OR IGNORE INTO book (version, sources) VALUES (?, ?);

-- :book
SELECT sources FROM book WHERE version = ?;

-- :owner_of_address
SELECT conversation_id FROM address WHERE channel = ? AND kind = ? AND value = ?;

-- :owner_of_any_address
SELECT conversation_id FROM address WHERE channel = ? AND kind IN ('scoped_id', 'phone', 'parent_scoped_id', 'group')
AND value = ?;

-- :write_address
INSERT INTO address (channel, kind, value, conversation_id) VALUES (?, ?, ?, ?)
ON CONFLICT (channel, kind, value) DO UPDATE SET
    previous_conversation_id = address.conversation_id, conversation_id = excluded.conversation_id
WHERE address.conversation_id <> excluded.conversation_id;

-- :leave_address
DELETE FROM address WHERE channel = ? AND kind = ? AND value = ? AND conversation_id = ?;

-- :move_unsent_messages
UPDATE message SET channel = ? WHERE id IN (
    SELECT id FROM outbox WHERE conversation_id = ? AND state IN ('pending', 'waiting')
    AND kind IN ('send_message.bot', 'send_message.notice', 'send_message.agent')
);

-- :move_sends
UPDATE outbox SET channel = ?
WHERE conversation_id = ? AND kind IN ('send_message.bot', 'send_message.notice', 'send_message.agent');

-- :message_by_id
SELECT id, conversation_id, at, author, content, status, provider_message_id, in_reply_to, detail
FROM message WHERE id = ?;

-- :message_by_provider_message_id
SELECT id, conversation_id, at, author, content, status, provider_message_id, in_reply_to, detail
FROM message WHERE provider_message_id = ? AND channel = ?;

-- :messages
SELECT id, conversation_id, at, author, content, status, provider_message_id, in_reply_to, detail
FROM message WHERE conversation_id = ? ORDER BY seq, place;

-- :add_message
INSERT INTO message (
    id, conversation_id, seq, place, channel, at, author, content, status, provider_message_id, in_reply_to, detail
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- :change_message
UPDATE message SET content = ?, status = ?, provider_message_id = ?, detail = ? WHERE id = ?;

-- :add_journal
INSERT INTO journal (conversation_id, seq, event_id, event, effects) VALUES (?, ?, ?, ?, ?);

-- :steps
SELECT coalesce(max(seq), 0) FROM journal WHERE conversation_id = ?;

-- :journal
SELECT event, effects FROM journal WHERE conversation_id = ? ORDER BY seq;

-- :attempt
SELECT attempt FROM outbox WHERE id = ?;

-- :close
DELETE FROM outbox WHERE id = ?;

-- :park
UPDATE outbox SET state = 'unknown', ready_at = NULL WHERE id = ?;

-- :postpone
UPDATE outbox SET state = 'pending', ready_at = ?, failures = failures + ? WHERE id = ?;

-- :withdrawable
SELECT id, kind FROM outbox WHERE conversation_id = ? AND (
    state IN ('pending', 'waiting')
    OR kind NOT IN ('send_message.bot', 'send_message.notice', 'send_message.agent')
);

-- :add_effect
INSERT INTO outbox (id, conversation_id, seq, place, channel, kind, state, due_at, ready_at, effect)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- :lane
SELECT id, state, due_at FROM outbox
WHERE conversation_id = ? AND kind IN ('send_message.bot', 'send_message.notice', 'send_message.agent')
ORDER BY seq, place LIMIT 1;

-- :open
UPDATE outbox SET state = 'pending', ready_at = ? WHERE id = ?;

-- :ready
SELECT id, conversation_id, channel, state, attempt, failures, effect FROM outbox
WHERE ready_at <= ? ORDER BY ready_at LIMIT ?;

-- :start
UPDATE outbox SET state = 'started', ready_at = ?, attempt = attempt + 1 WHERE id = ?;

-- :renew
UPDATE outbox SET ready_at = ? WHERE id = ? AND attempt = ? AND state = 'started';

-- :end_leases
UPDATE outbox SET ready_at = ? WHERE state = 'started';

-- :backlog_states
SELECT state, count(*) FROM outbox GROUP BY state;

-- :backlog_oldest
SELECT min(ready_at) FROM outbox WHERE ready_at <= ?;

-- :backlog_queue
SELECT count(*) FROM conversation WHERE handler = 'queue';

-- :prune_unmatched
DELETE FROM unmatched WHERE event_id IN (SELECT event_id FROM unmatched WHERE at < ? LIMIT ?);

-- :prune_notices
DELETE FROM notice WHERE id IN (SELECT id FROM notice WHERE at < ? LIMIT ?);

-- :add_unmatched
INSERT OR IGNORE INTO unmatched (event_id, channel, provider_message_id, at, event) VALUES (?, ?, ?, ?, ?);

-- :take_unmatched
DELETE FROM unmatched WHERE channel = ? AND provider_message_id = ? RETURNING at, event;

-- :add_notice
INSERT OR IGNORE INTO notice (id, at, channel, kind, text, raw, is_alarm) VALUES (?, ?, ?, ?, ?, ?, ?);

-- :notices
SELECT id, at, channel, kind, text, raw, is_alarm FROM notice ORDER BY at DESC LIMIT ?;

-- :probe
INSERT INTO health (id, probes) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET probes = probes + 1;

-- :mark
SELECT mark FROM move WHERE id = 1;

-- :set_mark
INSERT INTO move (id, mark) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET mark = excluded.mark;

-- :remove_mark
DELETE FROM move;

-- :dump_conversations
SELECT id, channel, handler, updated_at, (
    SELECT coalesce(max(seq), 0) FROM journal WHERE conversation_id = conversation.id
), state FROM conversation WHERE id > ? ORDER BY id LIMIT ?;

-- :dump_addresses
SELECT channel, kind, value, conversation_id, previous_conversation_id FROM address
WHERE (channel, kind, value) > (?, ?, ?) ORDER BY channel, kind, value LIMIT ?;

-- :dump_messages
SELECT channel, seq, place, id, conversation_id, at, author, content, status, provider_message_id, in_reply_to, detail
FROM message WHERE id > ? ORDER BY id LIMIT ?;

-- :dump_journal
SELECT event_id, conversation_id, seq, event, effects FROM journal WHERE event_id > ? ORDER BY event_id LIMIT ?;

-- :dump_outbox
SELECT id, conversation_id, seq, place, channel, kind, state, due_at, ready_at, attempt, failures, effect FROM outbox
WHERE id > ? ORDER BY id LIMIT ?;

-- :dump_early_statuses
SELECT event_id, channel, provider_message_id, at, event FROM unmatched WHERE event_id > ? ORDER BY event_id LIMIT ?;

-- :dump_notices
SELECT id, at, channel, kind, text, raw, is_alarm FROM notice WHERE id > ? ORDER BY id LIMIT ?;

-- :dump_books
SELECT version, sources FROM book WHERE version > ? ORDER BY version LIMIT ?;

-- :restore_conversations
INSERT OR IGNORE INTO conversation (id, channel, name, handler, updated_at, book, state) VALUES (?, ?, ?, ?, ?, ?, ?);

-- :restore_addresses
INSERT OR IGNORE INTO address (channel, kind, value, conversation_id, previous_conversation_id) VALUES (?, ?, ?, ?, ?);

-- :restore_messages
INSERT OR IGNORE INTO message (
    id, conversation_id, seq, place, channel, at, author, content, status, provider_message_id, in_reply_to, detail
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- :restore_journal
INSERT OR IGNORE INTO journal (event_id, conversation_id, seq, event, effects) VALUES (?, ?, ?, ?, ?);

-- :restore_outbox
INSERT OR IGNORE INTO outbox (
    id, conversation_id, seq, place, channel, kind, state, due_at, ready_at, attempt, failures, effect
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- :restore_early_statuses
INSERT OR IGNORE INTO unmatched (event_id, channel, provider_message_id, at, event) VALUES (?, ?, ?, ?, ?);

-- :restore_notices
INSERT OR IGNORE INTO notice (id, at, channel, kind, text, raw, is_alarm) VALUES (?, ?, ?, ?, ?, ?, ?);

-- :restore_books
INSERT OR IGNORE INTO book (version, sources) VALUES (?, ?);

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

-- :add_charge
INSERT OR IGNORE INTO charge (
    id, at, channel, conversation_id, task, nano_usd, flow, step, backend, model, tokens_in, tokens_out, tokens_cached,
    seconds, outcome, is_estimated, is_unanswered
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- :hold
SELECT effect_id, attempt, conversation_id, channel, at, nano_usd, task FROM hold WHERE id = ?;

-- :take_hold
DELETE FROM hold WHERE id = ? RETURNING effect_id, attempt, conversation_id, channel, at, nano_usd, task;

-- :take_lost
DELETE FROM charge WHERE id = ? RETURNING id, at, channel, conversation_id, task, nano_usd, flow, step, backend, model,
    tokens_in, tokens_out, tokens_cached, seconds, outcome, is_estimated, is_unanswered;

-- :take_old_holds
DELETE FROM hold WHERE at < ? RETURNING effect_id, attempt, conversation_id, channel, at, nano_usd, task;

-- :write_hold
INSERT INTO hold (id, effect_id, attempt, conversation_id, channel, at, nano_usd, task) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET nano_usd = excluded.nano_usd;

-- :total
SELECT spent, held FROM total WHERE scope = ?;

-- :move_total
INSERT INTO total (scope, until, spent, held) VALUES (?, ?, ?, ?)
ON CONFLICT (scope) DO UPDATE SET spent = spent + excluded.spent, held = held + excluded.held;

-- :prune_totals
DELETE FROM total WHERE scope IN (SELECT scope FROM total WHERE until <> '' AND until < ? LIMIT ?);

-- :spent
SELECT strftime('%Y-%m-%d', at / 1000000, 'unixepoch') AS day, channel, flow, backend, model, task, count(*),
    sum(is_unanswered), sum(tokens_in), sum(tokens_out), sum(tokens_cached), sum(nano_usd), sum(nano_usd * is_estimated),
    sum(is_estimated AND nano_usd = 0)
FROM charge WHERE at >= ? GROUP BY day, channel, flow, backend, model, task
ORDER BY day, channel, flow, backend, model, task;

-- :dump_charges
SELECT id, at, channel, conversation_id, task, nano_usd, flow, step, backend, model, tokens_in, tokens_out,
    tokens_cached, seconds, outcome, is_estimated, is_unanswered FROM charge WHERE id > ? ORDER BY id LIMIT ?;

-- :dump_holds
SELECT id, effect_id, attempt, conversation_id, channel, at, nano_usd, task FROM hold WHERE id > ? ORDER BY id LIMIT ?;

-- :dump_totals
SELECT scope, until, spent, held FROM total WHERE scope > ? ORDER BY scope LIMIT ?;

-- :restore_charges
INSERT OR IGNORE INTO charge (
    id, at, channel, conversation_id, task, nano_usd, flow, step, backend, model, tokens_in, tokens_out, tokens_cached,
    seconds, outcome, is_estimated, is_unanswered
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- :restore_holds
INSERT OR IGNORE INTO hold (id, effect_id, attempt, conversation_id, channel, at, nano_usd, task)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- :restore_totals
INSERT OR IGNORE INTO total (scope, until, spent, held) VALUES (?, ?, ?, ?);

-- :count_charges
SELECT count(*) FROM charge;

-- :count_holds
SELECT count(*) FROM hold;

-- :count_totals
SELECT count(*) FROM total;
