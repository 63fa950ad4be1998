-- :drop_term
DROP TABLE IF EXISTS term;

-- :drop_passage
DROP TABLE IF EXISTS passage;

-- :drop_file
DROP TABLE IF EXISTS file;

-- :create_file
CREATE TABLE file (
    name TEXT PRIMARY KEY, digest TEXT NOT NULL, passages INTEGER NOT NULL, indexed_at TEXT,
    refused TEXT NOT NULL, trouble TEXT NOT NULL
) WITHOUT ROWID;

-- :create_passage
CREATE TABLE passage (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, file TEXT NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL
);

-- :create_passage_file
CREATE INDEX passage_file ON passage (file);

-- :create_term
CREATE VIRTUAL TABLE term USING fts5 (title, text, tokenize = "unicode61 remove_diacritics 0 categories 'L* N* M*'");

-- :files
SELECT name, digest, passages, indexed_at, refused, trouble FROM file ORDER BY name;

-- :put_file
INSERT INTO file (name, digest, passages, indexed_at, refused, trouble) VALUES (?, ?, ?, ?, '', '')
ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, passages = excluded.passages,
    indexed_at = excluded.indexed_at, refused = '', trouble = '';

-- :refuse_file
INSERT INTO file (name, digest, passages, refused, trouble) VALUES (?, '', 0, ?, ?)
ON CONFLICT (name) DO UPDATE SET refused = excluded.refused, trouble = excluded.trouble;

-- :remove_file
DELETE FROM file WHERE name = ?;

-- :remove_terms
DELETE FROM term WHERE rowid IN (SELECT number FROM passage WHERE file = ?);

-- :remove_passages
DELETE FROM passage WHERE file = ?;

-- :add_passage
INSERT INTO passage (id, file, title, text) VALUES (?, ?, ?, ?);

-- :add_terms
INSERT INTO term (rowid, title, text) VALUES (?, ?, ?);

-- :search
SELECT passage.id, passage.title, passage.text, bm25(term, 2.0, 1.0) AS rank
FROM term JOIN passage ON passage.number = term.rowid
WHERE term MATCH :expression
    AND (:scope = '[]' OR passage.file IN (SELECT value FROM json_each(:scope)))
ORDER BY rank, passage.number LIMIT :limit;

-- :all_passages
SELECT id, file, title, text FROM passage;

-- :passages_of
SELECT passage.id, passage.title, passage.text
FROM json_each(?) AS wanted JOIN passage ON passage.id = wanted.value ORDER BY wanted.key;

-- :create_vector
CREATE TABLE IF NOT EXISTS vector (
    id TEXT PRIMARY KEY, file TEXT NOT NULL, fingerprint TEXT NOT NULL, model TEXT NOT NULL, embedding BLOB NOT NULL
) WITHOUT ROWID;

-- :vectors
SELECT id, fingerprint FROM vector WHERE model = ?;

-- :embedding
SELECT embedding FROM vector WHERE fingerprint = ? AND model = ? LIMIT 1;

-- :put_vector
INSERT INTO vector (id, file, fingerprint, model, embedding) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET file = excluded.file, fingerprint = excluded.fingerprint, model = excluded.model,
    embedding = excluded.embedding;

-- :keep_vectors
DELETE FROM vector WHERE id NOT IN (SELECT value FROM json_each(?));

-- :nearest
SELECT id, vec_distance_cosine(embedding, :wanted) AS distance FROM vector
WHERE model = :model AND length(embedding) = length(:wanted)
    AND (:scope = '[]' OR file IN (SELECT value FROM json_each(:scope)))
    AND distance <= :distance_max
ORDER BY distance, id LIMIT :limit;
