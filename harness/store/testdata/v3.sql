-- What version 3 of the schema leaves behind: launches as rows, and a cold reference. Made by its code, never edited.
PRAGMA foreign_keys=OFF;
PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE absences (
	id      INTEGER PRIMARY KEY,
	session INTEGER NOT NULL REFERENCES sessions,
	metric  TEXT NOT NULL,
	reason  TEXT NOT NULL
) STRICT;
INSERT INTO "absences" VALUES(1,1,'energy_j','the phone is charging');
CREATE TABLE batteries (
	id       INTEGER PRIMARY KEY,
	session  INTEGER NOT NULL REFERENCES sessions,
	at       INTEGER NOT NULL,
	document TEXT NOT NULL,
	raw      BLOB
) STRICT;
INSERT INTO "batteries" VALUES(1,1,1795435200000000000,'{"at":"2026-11-23T12:00:00Z","voltage_mv":4012,"amperage_ma":-180,"accumulated_system_load":9223372036854775813}',X'01AA46148626068646B580000000FFFF');
INSERT INTO "batteries" VALUES(2,2,1795435200000000000,'{"at":"2026-11-23T12:00:00Z","percent":80}',NULL);
CREATE TABLE cases (
	run     INTEGER NOT NULL REFERENCES runs,
	ordinal INTEGER NOT NULL,
	key     TEXT NOT NULL,
	udid    TEXT NOT NULL,
	PRIMARY KEY (run, ordinal)
) STRICT, WITHOUT ROWID;
INSERT INTO "cases" VALUES(1,0,'iPhone15,4/stories-1m/quick','U-1');
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
INSERT INTO "cold_references" VALUES(1,'U-1','22G86','aa11','bb22','p',41.5,1795435200000000000,'{"key":{"udid":"U-1","os_build":"22G86","model_hash":"aa11","build_hash":"bb22","probe":"p"},"tok_s":41.5,"run":"r1","session":"s000-candidate","at":"2026-11-23T12:00:00Z","state":{"at":"0001-01-01T00:00:00Z"}}');
CREATE TABLE event_lines (
	session INTEGER NOT NULL REFERENCES sessions,
	number  INTEGER NOT NULL,
	at      INTEGER NOT NULL,
	body    BLOB NOT NULL,
	PRIMARY KEY (session, number)
) STRICT, WITHOUT ROWID;
INSERT INTO "event_lines" VALUES(1,1,1795435200000000001,X'020080000180C0843D093682046B696E6438820568656C6C6F07');
INSERT INTO "event_lines" VALUES(1,2,1795435200000000002,X'00FF00206E6F204A534F4E');
INSERT INTO "event_lines" VALUES(2,1,1795435200000000001,X'007B7D');
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
INSERT INTO "iterations" VALUES(1,1,0,1,4,'ok','',0,4900000,5000000,9100000,'nominal',' a "cat"
é',X'032208F403',X'0380ADE2048999EE02E903');
INSERT INTO "iterations" VALUES(2,1,1,0,4,'ok','',1000000000,4900000,1005000000,1009100000,'nominal',' a "cat"
é',X'032208F403',X'0380D5B8BE0789C1C4BC07E903');
INSERT INTO "iterations" VALUES(3,1,2,0,4,'ok','',2000000000,4900000,2005000000,2009100000,'nominal',' a "cat"
é',X'032208F403',X'0380FD8EF80E89E99AF60EE903');
CREATE TABLE notices (
	id      INTEGER PRIMARY KEY,
	run     INTEGER NOT NULL REFERENCES runs,
	session INTEGER REFERENCES sessions,
	what    TEXT NOT NULL,
	text    TEXT NOT NULL,
	at      INTEGER NOT NULL
) STRICT;
INSERT INTO "notices" VALUES(1,1,1,'device','gone for 2 s',1795435200000000000);
INSERT INTO "notices" VALUES(2,1,NULL,'wait','cooling down',1795435200000000000);
CREATE TABLE payloads (
	id      INTEGER PRIMARY KEY,
	run     INTEGER NOT NULL REFERENCES runs,
	session INTEGER REFERENCES sessions,
	name    TEXT NOT NULL,
	kind    TEXT NOT NULL,
	at      INTEGER NOT NULL,
	raw     BLOB NOT NULL
) STRICT;
INSERT INTO "payloads" VALUES(1,1,1,'p1.json','metric',1795435200000000000,X'7B007D');
CREATE TABLE run_ends (
	run INTEGER NOT NULL REFERENCES runs,
	at  INTEGER NOT NULL,
	PRIMARY KEY (run, at)
) STRICT, WITHOUT ROWID;
CREATE TABLE runs (
	id        INTEGER PRIMARY KEY,
	name      TEXT NOT NULL UNIQUE,
	start_at  INTEGER NOT NULL,
	synthetic INTEGER NOT NULL,
	document  TEXT NOT NULL
) STRICT;
INSERT INTO "runs" VALUES(1,'r1',1795435200000000000,1,'{"id":"r1","revision":"0123abc","fingerprint":{"udid":"","os_build":"","model_hash":"","scenario_hash":"","harness_version":"","power_mode":"","kind":""},"start":"2026-11-23T12:00:00Z","synthetic":true,"host":"lab","plan":{"seed":7,"builds":null,"cases":[{"device":{"udid":"U-1","name":"shelf 1","kind":"virtual","product_type":"iPhone15,4","os_build":"22G86"},"model":{"name":"stories-1m","version":"","hash":"aa11","path":"","size_bytes":0},"scenario":{"name":"quick","generate_tokens":3,"warmups":1,"iterations":2,"sessions":0,"compute_units":"","temperature":0,"start_thermal":"","session_timeout_ns":0}}],"sessions":[{"id":"s000-candidate","ordinal":0,"case":0,"arm":"candidate","pair":0,"cold_from":false},{"id":"s001-candidate","ordinal":1,"case":0,"arm":"candidate","pair":1,"cold_from":false}]}}');
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
INSERT INTO "samples" VALUES(1,1,1,0,40.0,2,1795435260000000000,42,3,4,NULL,NULL);
INSERT INTO "samples" VALUES(2,1,1,1,41.0,2,1795435260000000000,42,3,4,NULL,NULL);
INSERT INTO "samples" VALUES(3,1,1,2,42.0,2,1795435260000000000,42,3,4,NULL,NULL);
CREATE TABLE session_ends (
	session  INTEGER PRIMARY KEY REFERENCES sessions,
	outcome  TEXT NOT NULL,
	planned  INTEGER NOT NULL,
	measured INTEGER NOT NULL,
	at       INTEGER NOT NULL,
	document TEXT NOT NULL
) STRICT;
INSERT INTO "session_ends" VALUES(1,'ok',2,2,1795435320000000000,'{"id":"s000-candidate","outcome":"ok","planned":2,"measured":2,"tokens":9,"thermal_start":"nominal","at":"2026-11-23T12:02:00Z"}');
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
INSERT INTO "sessions" VALUES(1,1,'s000-candidate','s000-candidate',1,'iPhone15,4/stories-1m/quick','U-1','candidate',0,1795435201000000000,'{"id":"s000-candidate","attempt":1,"planned":{"id":"s000-candidate","ordinal":0,"case":0,"arm":"candidate","pair":0,"cold_from":false},"case":{"device":{"udid":"U-1","name":"shelf 1","kind":"virtual","product_type":"iPhone15,4","os_build":"22G86"},"model":{"name":"stories-1m","version":"","hash":"aa11","path":"","size_bytes":0},"scenario":{"name":"quick","generate_tokens":3,"warmups":1,"iterations":2,"sessions":0,"compute_units":"","temperature":0,"start_thermal":"","session_timeout_ns":0}},"build":{"arm":"","path":"","bundle_id":"","version":"","revision":"","configuration":"","hash":""},"fingerprint":{"udid":"","os_build":"","model_hash":"","scenario_hash":"","harness_version":"","power_mode":"","kind":""},"prepared":{"BuildInstalled":false,"ModelPushed":false,"FirstEver":false,"PushedBytes":0,"PushSeconds":0},"at":"2026-11-23T12:00:01Z"}');
INSERT INTO "sessions" VALUES(2,1,'s001-candidate','s001-candidate',2,'iPhone15,4/stories-1m/quick','U-1','candidate',1,1795435202000000000,'{"id":"s001-candidate","attempt":2,"planned":{"id":"s001-candidate","ordinal":1,"case":0,"arm":"candidate","pair":1,"cold_from":false},"case":{"device":{"udid":"U-1","name":"shelf 1","kind":"virtual","product_type":"iPhone15,4","os_build":"22G86"},"model":{"name":"stories-1m","version":"","hash":"aa11","path":"","size_bytes":0},"scenario":{"name":"quick","generate_tokens":3,"warmups":1,"iterations":2,"sessions":0,"compute_units":"","temperature":0,"start_thermal":"","session_timeout_ns":0}},"build":{"arm":"","path":"","bundle_id":"","version":"","revision":"","configuration":"","hash":""},"fingerprint":{"udid":"","os_build":"","model_hash":"","scenario_hash":"","harness_version":"","power_mode":"","kind":""},"prepared":{"BuildInstalled":false,"ModelPushed":false,"FirstEver":false,"PushedBytes":0,"PushSeconds":0},"at":"2026-11-23T12:00:02Z"}');
CREATE TABLE taken (
	id          INTEGER PRIMARY KEY,
	hash        BLOB NOT NULL UNIQUE,
	source      TEXT NOT NULL,
	at          INTEGER NOT NULL,
	format      TEXT NOT NULL,
	device_type TEXT NOT NULL,
	os_build    TEXT NOT NULL,
	app_build   TEXT NOT NULL,
	bundle_id   TEXT NOT NULL,
	begin_at    TEXT NOT NULL,
	end_at      TEXT NOT NULL,
	zone_stated INTEGER NOT NULL,
	size        INTEGER NOT NULL,
	raw         BLOB,
	figures     BLOB,
	problem     TEXT NOT NULL
) STRICT;
CREATE TABLE words (
	id   INTEGER PRIMARY KEY,
	text TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO "words" VALUES(1,'decode_tok_s');
INSERT INTO "words" VALUES(2,'tok/s');
INSERT INTO "words" VALUES(3,'decode');
INSERT INTO "words" VALUES(4,'derived');
CREATE INDEX runs_by_start ON runs (start_at);
CREATE INDEX cases_by_key ON cases (key, udid);
CREATE INDEX sessions_by_case ON sessions (case_key, udid, at);
CREATE INDEX samples_by_metric ON samples (session, metric);
CREATE INDEX batteries_by_session ON batteries (session);
CREATE INDEX absences_by_session ON absences (session);
CREATE INDEX payloads_by_run ON payloads (run);
CREATE INDEX notices_by_run ON notices (run);
CREATE INDEX taken_by_build ON taken (bundle_id, app_build, device_type, os_build);
CREATE INDEX cold_references_by_unit ON cold_references (udid, model_hash, build_hash, os_build, probe);
COMMIT;
