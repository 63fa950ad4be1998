-- Many reservations in one transaction: the totals of the day and the month are everybody's, and whoever reserves holds
-- them until the flush, so that one by one they wait for as many flushes. All rows are locked first and in the order in
-- which everybody locks them; then the reservations are judged one after the other, each knowing those before it
-- (`added`, by scope), and each total is written once, so that its page does not fill with what nobody needs.
CREATE FUNCTION frontdesk_reserve_all(
    hold_ids text[], effects text[], attempts integer[], conversations text[], channels text[], begun timestamptz[],
    amounts bigint[], tasks text[], caps bigint[]
) RETURNS TABLE (refused integer, remains bigint, passing boolean) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    known hold;
    more bigint;
    began timestamptz;
    added jsonb := '{}';
BEGIN
    INSERT INTO total (scope, until, spent, held)
    SELECT DISTINCT ON (scopes.scope COLLATE "C") scopes.scope, scopes.until, 0, 0
    FROM unnest(conversations, begun) AS asked (conversation, at), frontdesk_scopes(asked.conversation, asked.at) AS scopes
    ORDER BY scopes.scope COLLATE "C"
    ON CONFLICT (scope) DO NOTHING;
    PERFORM FROM total WHERE scope = ANY (ARRAY(
        SELECT scopes.scope
        FROM unnest(conversations, begun) AS asked (conversation, at),
            frontdesk_scopes(asked.conversation, asked.at) AS scopes
    )) ORDER BY scope COLLATE "C" FOR UPDATE;

    FOR one IN 1 .. cardinality(hold_ids) LOOP
        SELECT * INTO known FROM hold WHERE id = hold_ids[one] FOR UPDATE;
        began := coalesce(known.at, begun[one]);
        more := amounts[one] - coalesce(known.nano_usd, 0);
        SELECT place, greatest(0, caps[place] - used), amounts[one] <= caps[place] - judged.spent
        INTO refused, remains, passing
        FROM (
            SELECT place, spent, spent + held + coalesce((added ->> scope)::bigint, 0) AS used
            FROM frontdesk_scopes(conversations[one], began) AS scopes JOIN total USING (scope)
        ) AS judged
        WHERE more > 0 AND caps[place] > 0 AND more > caps[place] - used ORDER BY place LIMIT 1;
        IF refused IS NULL THEN
            added := added || (
                SELECT jsonb_object_agg(scope, coalesce((added ->> scope)::bigint, 0) + more)
                FROM frontdesk_scopes(conversations[one], began) AS scopes
            );
            INSERT INTO hold AS kept (id, effect_id, attempt, conversation_id, channel, at, nano_usd, task)
            VALUES (
                hold_ids[one], effects[one], attempts[one], conversations[one], channels[one], began, amounts[one],
                tasks[one]
            )
            ON CONFLICT (id) DO UPDATE SET nano_usd = excluded.nano_usd;
            refused := 0;
            remains := 0;
            passing := false;
        END IF;
        RETURN NEXT;
    END LOOP;
    UPDATE total SET held = held + value::bigint FROM jsonb_each_text(added) WHERE scope = key;
END
$$;
