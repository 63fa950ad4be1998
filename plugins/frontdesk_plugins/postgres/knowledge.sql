-- :lock_tables
SELECT pg_advisory_xact_lock(7308604761);

-- :layout
SELECT CASE WHEN to_regclass('knowledge_layout') IS NULL THEN 0 ELSE 1 END;

-- :known_layout
SELECT max(version) FROM knowledge_layout;

-- :drop
DROP TABLE IF EXISTS knowledge_layout, knowledge_file, knowledge_passage;

-- :create
CREATE TABLE knowledge_layout (version integer NOT NULL);
CREATE TABLE knowledge_file (
    name text COLLATE "C" PRIMARY KEY, digest text NOT NULL DEFAULT '', passages integer NOT NULL DEFAULT 0,
    indexed_at timestamptz, refused text NOT NULL DEFAULT '', trouble text NOT NULL DEFAULT ''
);
CREATE TABLE knowledge_passage (
    id text COLLATE "C" PRIMARY KEY, number integer NOT NULL, file text COLLATE "C" NOT NULL, title text NOT NULL,
    text text NOT NULL, terms tsvector NOT NULL, fingerprint text NOT NULL
);
CREATE INDEX knowledge_passage_terms ON knowledge_passage USING gin (terms);
CREATE INDEX knowledge_passage_file ON knowledge_passage (file);

-- :add_layout
INSERT INTO knowledge_layout (version) VALUES ($1);

-- :try_to_index
SELECT pg_try_advisory_xact_lock(7308604762);

-- :stay_idle
SET LOCAL idle_in_transaction_session_timeout = 0;

-- :files
SELECT name, digest, passages, indexed_at, refused, trouble FROM knowledge_file ORDER BY name;

-- :put_file
INSERT INTO knowledge_file (name, digest, passages, indexed_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, passages = excluded.passages,
    indexed_at = excluded.indexed_at, refused = '', trouble = '';

-- :refuse_file
INSERT INTO knowledge_file (name, refused, trouble) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET refused = excluded.refused, trouble = excluded.trouble;

-- :remove_files
DELETE FROM knowledge_file WHERE name = ANY ($1::text[]);

-- :remove_passages
DELETE FROM knowledge_passage WHERE file = ANY ($1::text[]);

-- :add_passages
INSERT INTO knowledge_passage (id, number, file, title, text, terms, fingerprint)
SELECT id, number, $1, title, passage, terms::tsvector, fingerprint
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) WITH ORDINALITY
    AS given (id, title, passage, terms, fingerprint, number);

-- :search
WITH asked AS (
    SELECT form::tsquery AS form, ln(1 + (total + 0.5) / (known + 0.5)) AS weight
    FROM unnest($1::text[]) AS form,
        LATERAL (SELECT count(*) AS known FROM knowledge_passage WHERE terms @@ form::tsquery) AS counted,
        LATERAL (SELECT count(*) AS total FROM knowledge_passage) AS all_of_them
)
SELECT id, title, text,
    sum(weight * ts_rank('{0.5, 0.5, 0.5, 1.0}', terms, form)) / sqrt(1 + ln(1 + length(terms))) AS rank
FROM asked JOIN knowledge_passage ON terms @@ form
WHERE cardinality($2::text[]) = 0 OR file = ANY ($2::text[])
GROUP BY id ORDER BY rank DESC, file, number LIMIT $3;

-- :can_have_vectors
SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector'), to_regtype('vector') IS NOT NULL;

-- :create_extension
CREATE EXTENSION IF NOT EXISTS vector;

-- :create_vectors
CREATE TABLE IF NOT EXISTS knowledge_vector (
    fingerprint text COLLATE "C" NOT NULL, model text COLLATE "C" NOT NULL, embedding vector NOT NULL,
    PRIMARY KEY (fingerprint, model)
);

-- :try_to_embed
SELECT pg_try_advisory_xact_lock(7308604763);

-- :missing_vectors
SELECT DISTINCT ON (fingerprint) fingerprint, title, text FROM knowledge_passage
WHERE NOT EXISTS (
    SELECT FROM knowledge_vector AS kept WHERE kept.fingerprint = knowledge_passage.fingerprint AND kept.model = $1
);

-- :forget_vectors
DELETE FROM knowledge_vector
WHERE model <> $1 OR fingerprint NOT IN (SELECT fingerprint FROM knowledge_passage);

-- :put_vectors
INSERT INTO knowledge_vector (fingerprint, model, embedding)
SELECT fingerprint, $1, embedding::vector FROM unnest($2::text[], $3::text[]) AS given (fingerprint, embedding)
ON CONFLICT (fingerprint, model) DO UPDATE SET embedding = excluded.embedding;

-- :nearest
SELECT id, title, text FROM (
    SELECT id, title, text, file, number, kept.embedding <=> $1::text::vector AS distance
    FROM knowledge_passage JOIN knowledge_vector AS kept USING (fingerprint)
    WHERE kept.model = $2 AND vector_dims(kept.embedding) = vector_dims($1::text::vector)
        AND (cardinality($3::text[]) = 0 OR file = ANY ($3::text[]))
) AS measured
WHERE distance <= $4 ORDER BY distance, file, number LIMIT $5;
