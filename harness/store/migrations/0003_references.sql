-- cold_references: how fast a unit generated when it was cold, by which a probe before a session is judged. The latest
-- row of a key counts; document is the whole harness.Reference as JSON, with where it comes from.
CREATE TABLE cold_references (
	id         INTEGER PRIMARY KEY,
	udid       TEXT NOT NULL,
	os_build   TEXT NOT NULL,
	model_hash TEXT NOT NULL,
	build_hash TEXT NOT NULL,
	probe      TEXT NOT NULL,
	tok_s      REAL NOT NULL,
	at         INTEGER NOT NULL,
	document   TEXT NOT NULL
) STRICT;
CREATE INDEX cold_references_by_unit ON cold_references (udid, model_hash, build_hash, os_build, probe);
