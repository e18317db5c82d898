-- run_notes: what people say of a run, in the order in which they said it.
CREATE TABLE run_notes (
	id   INTEGER PRIMARY KEY,
	run  INTEGER NOT NULL REFERENCES runs,
	at   INTEGER NOT NULL,
	text TEXT NOT NULL
) STRICT;
CREATE INDEX run_notes_by_run ON run_notes (run);

-- hidden_runs: runs that people have deleted. They count in no list, comparison, baseline or trend; what was measured stays
-- and comes back when the row goes.
CREATE TABLE hidden_runs (
	run INTEGER PRIMARY KEY REFERENCES runs,
	at  INTEGER NOT NULL
) STRICT;
