-- The files of each version of the flows, as JSON: names and texts.
CREATE TABLE book (
    version TEXT PRIMARY KEY,
    sources BLOB NOT NULL
);

-- The version of the flows that the conversation stands on; null, and in no index, where no flow is under way.
ALTER TABLE conversation ADD COLUMN book TEXT;
CREATE INDEX conversation_standing ON conversation (id) WHERE book IS NOT NULL;
