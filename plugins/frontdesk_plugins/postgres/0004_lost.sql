-- Charges of claims that have ended: the holds that they had are taken away (or, where a hold was given up and written
-- down as lost, that charge is), what is new is written and dated when its hold was taken, and the totals follow. In one
-- statement of the batch that writes the events.
CREATE OR REPLACE FUNCTION frontdesk_pay(
    ended text[], ids text[], of_holds text[], ats timestamptz[], channels text[], conversations text[], tasks text[],
    amounts bigint[], flows text[], steps text[], backends text[], models text[], tokens_in bigint[],
    tokens_out bigint[], tokens_cached bigint[], seconds double precision[], outcomes text[], estimated boolean[],
    unanswered boolean[]
) RETURNS void LANGUAGE sql
SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
WITH taken AS (
    DELETE FROM hold WHERE id = ANY (ended) RETURNING id, conversation_id, at, 0::bigint AS spent, nano_usd AS held
), found_again AS (
    DELETE FROM charge WHERE id = ANY (ARRAY(SELECT known || '/lost' FROM unnest(ended) AS known))
    RETURNING left(id, -5) AS id, conversation_id, at, nano_usd AS spent, 0::bigint AS held
), ended_now AS (
    SELECT * FROM taken UNION ALL SELECT * FROM found_again
), told AS MATERIALIZED (
    SELECT told.*, coalesce(ended_now.at, told.told_at) AS at
    FROM unnest(ids, of_holds, ats, channels, conversations, tasks, amounts, flows, steps, backends, models, tokens_in,
        tokens_out, tokens_cached, seconds, outcomes, estimated, unanswered)
        AS told (id, hold_id, told_at, channel, conversation_id, task, nano_usd, flow, step, backend, model, tokens_in,
            tokens_out, tokens_cached, seconds, outcome, is_estimated, is_unanswered)
    LEFT JOIN ended_now ON ended_now.id = told.hold_id
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
    SELECT conversation_id, at, -spent, -held FROM ended_now
)
INSERT INTO total (scope, until, spent, held)
SELECT scope, until, sum(moved.spent)::bigint, sum(moved.held)::bigint
FROM moved, LATERAL frontdesk_scopes(moved.conversation_id, moved.at)
GROUP BY scope, until HAVING sum(moved.spent) <> 0 OR sum(moved.held) <> 0
ORDER BY scope COLLATE "C"
ON CONFLICT (scope) DO UPDATE SET spent = total.spent + excluded.spent, held = total.held + excluded.held
$$;
