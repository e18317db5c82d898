-- A launch that has ended is sealed: its lines, iterations, samples, readings, absences and notices leave their tables
-- for one block that holds them all, byte for byte, in a thirtieth of the space. Rows are what arrives; blocks are what
-- stays.

-- contexts: what many launches have in common: case, build and fingerprint, as a block of one JSON text. hash is the
-- SHA-256 of the text.
CREATE TABLE contexts (
	id       INTEGER PRIMARY KEY,
	hash     BLOB NOT NULL UNIQUE,
	document BLOB NOT NULL
) STRICT;

-- sealed: a launch whose rows have become a block, of so many bytes in sealed_parts from an offset in the first on; lines
-- counts its event lines. states hold the device's state before it and the document of its end; figures hold, for every
-- metric, what comparisons and trends need of it, so that they open no block.
CREATE TABLE sealed (
	session INTEGER PRIMARY KEY REFERENCES sessions,
	context INTEGER NOT NULL REFERENCES contexts,
	first   INTEGER NOT NULL,
	offset  INTEGER NOT NULL,
	size    INTEGER NOT NULL,
	lines   INTEGER NOT NULL,
	states  BLOB NOT NULL,
	figures BLOB NOT NULL
) STRICT;

-- sealed_parts: blocks, one after the other, cut where a page of the file is full: behind values longer than a page and
-- between shorter ones SQLite would leave a part of the page unused. A part is only ever appended to.
CREATE TABLE sealed_parts (
	id   INTEGER PRIMARY KEY,
	body BLOB NOT NULL
) STRICT;

-- unsealed: launches that an earlier version has recorded and that are still to be sealed.
CREATE TABLE unsealed (
	session INTEGER PRIMARY KEY REFERENCES sessions
) STRICT;
INSERT INTO unsealed SELECT session FROM session_ends;

-- A notice's number is its place among all of the run, also once its row has gone: it is never given again.
ALTER TABLE notices RENAME TO old_notices;
DROP INDEX notices_by_run;
CREATE TABLE notices (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	run     INTEGER NOT NULL REFERENCES runs,
	session INTEGER REFERENCES sessions,
	what    TEXT NOT NULL,
	text    TEXT NOT NULL,
	at      INTEGER NOT NULL
) STRICT;
INSERT INTO notices SELECT id, run, session, what, text, at FROM old_notices;
DROP TABLE old_notices;
CREATE INDEX notices_by_run ON notices (run);
CREATE INDEX notices_by_session ON notices (session) WHERE session IS NOT NULL;

-- packed is the run's document as a block of one long text; document is empty beside it.
ALTER TABLE runs ADD COLUMN packed BLOB;

-- Noise is borrowed from runs that have both arms: found here without looking at every night of a case.
DROP INDEX sessions_by_case;
CREATE INDEX sessions_by_case ON sessions (case_key, udid, arm, at);
CREATE INDEX payloads_by_session ON payloads (session) WHERE session IS NOT NULL;
