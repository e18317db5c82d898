-- Rows are only ever added. What changes with time (a run's or a session's end) is a row of its own table.
-- Times are unix nanoseconds of the host's clock unless a name says device_ns: the device's monotonic clock.

-- words holds the few strings that samples repeat millions of times: names of metrics, units, phases, sources, methods.
CREATE TABLE words (
	id   INTEGER PRIMARY KEY,
	text TEXT NOT NULL UNIQUE
) STRICT;

-- runs: one execution of a plan. document is the whole harness.Run as JSON.
CREATE TABLE runs (
	id        INTEGER PRIMARY KEY,
	name      TEXT NOT NULL UNIQUE,
	start_at  INTEGER NOT NULL,
	synthetic INTEGER NOT NULL,
	document  TEXT NOT NULL
) STRICT;
CREATE INDEX runs_by_start ON runs (start_at);

-- run_ends: a run that is taken up again ends again; the latest counts.
CREATE TABLE run_ends (
	run INTEGER NOT NULL REFERENCES runs,
	at  INTEGER NOT NULL,
	PRIMARY KEY (run, at)
) STRICT, WITHOUT ROWID;

-- cases: device x model x scenario of a run's plan, in its order.
CREATE TABLE cases (
	run     INTEGER NOT NULL REFERENCES runs,
	ordinal INTEGER NOT NULL,
	key     TEXT NOT NULL,
	udid    TEXT NOT NULL,
	PRIMARY KEY (run, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX cases_by_key ON cases (key, udid);

-- sessions: a launch that was about to be made. document is the whole harness.SessionBegin as JSON.
CREATE TABLE sessions (
	id       INTEGER PRIMARY KEY,
	run      INTEGER NOT NULL REFERENCES runs,
	name     TEXT NOT NULL,
	planned  TEXT NOT NULL,
	attempt  INTEGER NOT NULL,
	case_key TEXT NOT NULL,
	udid     TEXT NOT NULL,
	arm      TEXT NOT NULL,
	pair     INTEGER NOT NULL,
	at       INTEGER NOT NULL,
	document TEXT NOT NULL,
	UNIQUE (run, name)
) STRICT;
CREATE INDEX sessions_by_case ON sessions (case_key, udid, at);

-- session_ends: how a launch ended. A session without a row was cut off with the harness.
CREATE TABLE session_ends (
	session  INTEGER PRIMARY KEY REFERENCES sessions,
	outcome  TEXT NOT NULL,
	planned  INTEGER NOT NULL,
	measured INTEGER NOT NULL,
	at       INTEGER NOT NULL,
	document TEXT NOT NULL
) STRICT;

-- event_lines: the app's own words, kept as evidence. body is written by the line codec.
CREATE TABLE event_lines (
	session INTEGER NOT NULL REFERENCES sessions,
	number  INTEGER NOT NULL,
	at      INTEGER NOT NULL,
	body    BLOB NOT NULL,
	PRIMARY KEY (session, number)
) STRICT, WITHOUT ROWID;

-- iterations: one prompt-to-last-token execution. token_ids and token_ns are written by the token codec.
CREATE TABLE iterations (
	id             INTEGER PRIMARY KEY,
	session        INTEGER NOT NULL REFERENCES sessions,
	number         INTEGER NOT NULL,
	warmup         INTEGER NOT NULL,
	prompt_tokens  INTEGER NOT NULL,
	outcome        TEXT NOT NULL,
	reason         TEXT NOT NULL,
	begin_ns       INTEGER NOT NULL,
	prefill_ns     INTEGER,
	first_token_ns INTEGER,
	end_ns         INTEGER,
	thermal        TEXT,
	text           TEXT NOT NULL,
	token_ids      BLOB,
	token_ns       BLOB,
	UNIQUE (session, number)
) STRICT;

-- samples: one reading of one metric, in base units.
CREATE TABLE samples (
	id          INTEGER PRIMARY KEY,
	session     INTEGER NOT NULL REFERENCES sessions,
	metric      INTEGER NOT NULL REFERENCES words,
	iteration   INTEGER,
	value       REAL NOT NULL,
	unit        INTEGER NOT NULL REFERENCES words,
	at          INTEGER NOT NULL,
	device_ns   INTEGER,
	phase       INTEGER REFERENCES words,
	source      INTEGER NOT NULL REFERENCES words,
	method      INTEGER REFERENCES words,
	uncertainty REAL
) STRICT;
CREATE INDEX samples_by_metric ON samples (session, metric);

-- batteries: one reading of the battery gauge. document is the harness.BatteryReading as JSON without Raw; raw is the
-- whole registry entry, written by the line codec.
CREATE TABLE batteries (
	id       INTEGER PRIMARY KEY,
	session  INTEGER NOT NULL REFERENCES sessions,
	at       INTEGER NOT NULL,
	document TEXT NOT NULL,
	raw      BLOB
) STRICT;
CREATE INDEX batteries_by_session ON batteries (session);

-- absences: why a figure is missing.
CREATE TABLE absences (
	id      INTEGER PRIMARY KEY,
	session INTEGER NOT NULL REFERENCES sessions,
	metric  TEXT NOT NULL,
	reason  TEXT NOT NULL
) STRICT;
CREATE INDEX absences_by_session ON absences (session);

-- payloads: MetricKit payloads as the phone delivered them, byte for byte.
CREATE TABLE payloads (
	id      INTEGER PRIMARY KEY,
	run     INTEGER NOT NULL REFERENCES runs,
	session INTEGER REFERENCES sessions,
	name    TEXT NOT NULL,
	kind    TEXT NOT NULL,
	at      INTEGER NOT NULL,
	raw     BLOB NOT NULL
) STRICT;
CREATE INDEX payloads_by_run ON payloads (run);

-- notices: waits, retries, refusals and the like, for people.
CREATE TABLE notices (
	id      INTEGER PRIMARY KEY,
	run     INTEGER NOT NULL REFERENCES runs,
	session INTEGER REFERENCES sessions,
	what    TEXT NOT NULL,
	text    TEXT NOT NULL,
	at      INTEGER NOT NULL
) STRICT;
CREATE INDEX notices_by_run ON notices (run);
