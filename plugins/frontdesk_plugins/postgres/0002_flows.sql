-- The files of each version of the flows, as JSON: names and texts.
CREATE TABLE book (
    version text PRIMARY KEY,
    sources bytea NOT NULL
);

-- The version of the flows that the conversation stands on; null, and in no index, where no flow is under way. It changes
-- where a flow begins or ends: in between, a row is still changed within its page. The release before does not know the
-- column and leaves it alone. The index is made while nothing can be written, for as long as it takes to walk over the
-- rows without their states.
ALTER TABLE conversation ADD COLUMN book text;
CREATE INDEX conversation_standing ON conversation (id) WHERE book IS NOT NULL;
