-- What answers and messages cost. Amounts are billionths of a dollar.
CREATE TABLE charge (
    id              text PRIMARY KEY,
    at              timestamptz NOT NULL,
    channel         text NOT NULL,
    conversation_id text NOT NULL,
    task            text NOT NULL,
    nano_usd        bigint NOT NULL,
    flow            text NOT NULL,
    step            text NOT NULL,
    backend         text NOT NULL,
    model           text NOT NULL,
    tokens_in       bigint NOT NULL,
    tokens_out      bigint NOT NULL,
    tokens_cached   bigint NOT NULL,
    seconds         double precision NOT NULL,
    outcome         text NOT NULL,
    is_estimated    boolean NOT NULL,
    is_unanswered   boolean NOT NULL
);
CREATE INDEX charge_at ON charge (at);

-- Money set aside for calls that are under way: rows live for seconds.
CREATE TABLE hold (
    id              text PRIMARY KEY,
    effect_id       text NOT NULL,
    attempt         integer NOT NULL,
    conversation_id text NOT NULL,
    channel         text NOT NULL,
    at              timestamptz NOT NULL,
    nano_usd        bigint NOT NULL,
    task            text NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 200);
CREATE INDEX hold_at ON hold (at);

-- What was spent and what is held, for each scope of a cap; `until` is the last day it counts, "" where it has none. The
-- rows of the day and the month are written by everybody, so they stay within their page, and are locked last and in the
-- order of their names: contact, conversation, day, month.
CREATE TABLE total (
    scope text PRIMARY KEY,
    until text NOT NULL,
    spent bigint NOT NULL,
    held  bigint NOT NULL
) WITH (
    fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 200,
    autovacuum_vacuum_cost_limit = 2000
);
CREATE INDEX total_until ON total (until) WHERE until <> '';

-- The scopes of a call: the same as `core.money.scopes`, and in its order.
CREATE FUNCTION frontdesk_scopes(conversation text, at timestamptz)
RETURNS TABLE (place integer, scope text, until text) LANGUAGE sql STABLE AS $$
    SELECT place, scope, until FROM (SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day) AS today, LATERAL (
        VALUES (1, 'contact/' || conversation || '/' || day, day),
               (2, 'conversation/' || conversation, ''),
               (3, 'day/' || day, day),
               (4, 'month/' || left(day, 7), left(day, 7) || '-31')
    ) AS scopes (place, scope, until)
$$;

-- One reservation in one round trip: the rows of its scopes are there and locked before they are judged. Nothing is
-- changed where a cap stands in the way; `refused` is then its place among `caps` (0: none does), `remains` what is left
-- below it. A cap of 0 is none.
CREATE FUNCTION frontdesk_reserve(
    hold_id text, of_effect text, of_attempt integer, of_conversation text, of_channel text, begun_at timestamptz,
    amount bigint, of_task text, caps bigint[]
) RETURNS TABLE (refused integer, remains bigint) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    known hold;
    more bigint;
    began timestamptz;
BEGIN
    SELECT * INTO known FROM hold WHERE id = hold_id FOR UPDATE;
    began := coalesce(known.at, begun_at);
    more := amount - coalesce(known.nano_usd, 0);

    INSERT INTO total (scope, until, spent, held)
    SELECT scopes.scope, scopes.until, 0, 0 FROM frontdesk_scopes(of_conversation, began) AS scopes ORDER BY place
    ON CONFLICT (scope) DO NOTHING;
    PERFORM FROM total WHERE scope IN (SELECT scopes.scope FROM frontdesk_scopes(of_conversation, began) AS scopes)
    ORDER BY scope COLLATE "C" FOR UPDATE;

    SELECT place, greatest(0, caps[place] - spent - held) INTO refused, remains
    FROM frontdesk_scopes(of_conversation, began) AS scopes JOIN total USING (scope)
    WHERE more > 0 AND caps[place] > 0 AND more > caps[place] - spent - held ORDER BY place LIMIT 1;
    IF refused IS NULL THEN
        UPDATE total SET held = held + more
        WHERE scope IN (SELECT scopes.scope FROM frontdesk_scopes(of_conversation, began) AS scopes);
        INSERT INTO hold AS one (id, effect_id, attempt, conversation_id, channel, at, nano_usd, task)
        VALUES (hold_id, of_effect, of_attempt, of_conversation, of_channel, began, amount, of_task)
        ON CONFLICT (id) DO UPDATE SET nano_usd = excluded.nano_usd;
        refused := 0;
        remains := 0;
    END IF;
    RETURN NEXT;
END
$$;

-- Charges of claims that have ended: the holds that they had are taken away, what is new is written and dated when its
-- hold was taken, and the totals follow. In one statement of the batch that writes the events.
CREATE FUNCTION frontdesk_pay(
    ended text[], ids text[], of_holds text[], ats timestamptz[], channels text[], conversations text[], tasks text[],
    amounts bigint[], flows text[], steps text[], backends text[], models text[], tokens_in bigint[],
    tokens_out bigint[], tokens_cached bigint[], seconds double precision[], outcomes text[], estimated boolean[],
    unanswered boolean[]
) RETURNS void LANGUAGE sql
SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
WITH taken AS (
    DELETE FROM hold WHERE id = ANY (ended) RETURNING id, conversation_id, at, nano_usd
), told AS MATERIALIZED (
    SELECT told.*, coalesce(taken.at, told.told_at) AS at
    FROM unnest(ids, of_holds, ats, channels, conversations, tasks, amounts, flows, steps, backends, models, tokens_in,
        tokens_out, tokens_cached, seconds, outcomes, estimated, unanswered)
        AS told (id, hold_id, told_at, channel, conversation_id, task, nano_usd, flow, step, backend, model, tokens_in,
            tokens_out, tokens_cached, seconds, outcome, is_estimated, is_unanswered)
    LEFT JOIN taken ON taken.id = told.hold_id
), written AS (
    INSERT INTO charge (
        id, at, channel, conversation_id, task, nano_usd, flow, step, backend, model, tokens_in, tokens_out,
        tokens_cached, seconds, outcome, is_estimated, is_unanswered
    )
    SELECT id, at, channel, conversation_id, task, nano_usd, flow, step, backend, model, told.tokens_in,
        told.tokens_out, told.tokens_cached, told.seconds, outcome, is_estimated, is_unanswered
    FROM told ORDER BY id
    ON CONFLICT (id) DO NOTHING
    RETURNING conversation_id, at, task, nano_usd
), moved AS (
    SELECT conversation_id, at, nano_usd AS spent, 0::bigint AS held FROM written WHERE task <> 'message'
    UNION ALL
    SELECT conversation_id, at, 0, -nano_usd FROM taken
)
INSERT INTO total (scope, until, spent, held)
SELECT scope, until, sum(moved.spent)::bigint, sum(moved.held)::bigint
FROM moved, LATERAL frontdesk_scopes(moved.conversation_id, moved.at)
GROUP BY scope, until HAVING sum(moved.spent) <> 0 OR sum(moved.held) <> 0
ORDER BY scope COLLATE "C"
ON CONFLICT (scope) DO UPDATE SET spent = total.spent + excluded.spent, held = total.held + excluded.held
$$;
