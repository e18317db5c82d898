-- documents: what a launch that is not sealed began and ended with, each as JSON. Their place is a table of their own: a
-- row that is emptied where it lies leaves its page three quarters unused, a row that is deleted gives its space back.
CREATE TABLE documents (
	session INTEGER PRIMARY KEY REFERENCES sessions,
	began   TEXT NOT NULL,
	ended   TEXT
) STRICT;
INSERT INTO documents SELECT s.id, s.document, e.document FROM sessions s LEFT JOIN session_ends e ON e.session = s.id WHERE s.document <> '';
ALTER TABLE sessions DROP COLUMN document;
ALTER TABLE session_ends DROP COLUMN document;

-- The runs that have launches of an arm are found in the index alone.
DROP INDEX sessions_by_case;
CREATE INDEX sessions_by_case ON sessions (case_key, udid, arm, at, run);
