-- What version 5 of the schema leaves behind: a sealed launch and one that was cut off. Made by its code, never edited.
PRAGMA foreign_keys=OFF;
PRAGMA user_version = 5;
BEGIN TRANSACTION;
CREATE TABLE words (
	id   INTEGER PRIMARY KEY,
	text TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO words VALUES(1,'decode_tok_s');
INSERT INTO words VALUES(2,'tok/s');
INSERT INTO words VALUES(3,'decode');
INSERT INTO words VALUES(4,'derived');
CREATE TABLE runs (
	id        INTEGER PRIMARY KEY,
	name      TEXT NOT NULL UNIQUE,
	start_at  INTEGER NOT NULL,
	synthetic INTEGER NOT NULL,
	document  TEXT NOT NULL
, packed BLOB) STRICT;
INSERT INTO runs VALUES(1,'r1',1795435200000000000,1,'',X'016672b28706001323fc000028b52ffd41000124024d0b00b2903021408b1b0180744cf9a8ad2043d6e26dc986e18a7d39450fc3b01ba9c3b8da665b98312a3213c5744a1f524a9b50c498e0b37c52afa2de542fc26953c7e80586418698b481bd05199db9d6e8471e56997bde243e5060a028014820b53dcd015bad10c95b1e03193b0b3ec72209d070b4d9d5fa586d741e129e24d4eb38b0a97744a066a8ee13f58be5ac7efb340c7bdabc26d9d10a4a2220563ff7ff58463b8d2cbbdadc6a1ee656536647ef30b858f619cd804fd44e1d8d3546338b8550327dba033b002011803c50ac0bdb14456be070783198529c812c80dc756198c3607971241360e064d03c285cbe31660ed0d30bce445d1ef9c2a816bc950f6c5d9e04c4ac49ced9d0c7999c0d3983a8b23d86319c11c4ddf4c6153d4c22175cd0490f970b5d16c60795edcb141ce7377b8d01e081a3f090315ee6fe1d32bc80453e1824165034131d78964cd89f1c1e5a1b6970de669ca4640e62269aaa95ee81c2d22f9cb4860504');
CREATE TABLE run_ends (
	run INTEGER NOT NULL REFERENCES runs,
	at  INTEGER NOT NULL,
	PRIMARY KEY (run, at)
) STRICT, WITHOUT ROWID;
CREATE TABLE cases (
	run     INTEGER NOT NULL REFERENCES runs,
	ordinal INTEGER NOT NULL,
	key     TEXT NOT NULL,
	udid    TEXT NOT NULL,
	PRIMARY KEY (run, ordinal)
) STRICT, WITHOUT ROWID;
INSERT INTO cases VALUES(1,0,'iPhone15,4/stories-1m/quick','U-1');
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
INSERT INTO sessions VALUES(1,1,'s000-candidate','s000-candidate',1,'iPhone15,4/stories-1m/quick','U-1','candidate',0,1795435201000000000,'');
INSERT INTO sessions VALUES(2,1,'s001-candidate','s001-candidate',2,'iPhone15,4/stories-1m/quick','U-1','candidate',1,1795435202000000000,'{"id":"s001-candidate","attempt":2,"planned":{"id":"s001-candidate","ordinal":1,"case":0,"arm":"candidate","pair":1,"cold_from":false},"case":{"device":{"udid":"U-1","name":"shelf 1","kind":"virtual","product_type":"iPhone15,4","os_build":"22G86"},"model":{"name":"stories-1m","version":"","hash":"aa11","path":"","size_bytes":0},"scenario":{"name":"quick","generate_tokens":3,"warmups":1,"iterations":2,"sessions":0,"compute_units":"","temperature":0,"start_thermal":"","session_timeout_ns":0}},"build":{"arm":"","path":"","bundle_id":"","version":"","revision":"","configuration":"","hash":""},"fingerprint":{"udid":"","os_build":"","model_hash":"","scenario_hash":"","harness_version":"","power_mode":"","kind":""},"prepared":{"BuildInstalled":false,"ModelPushed":false,"FirstEver":false,"PushedBytes":0,"PushSeconds":0},"at":"2026-11-23T12:00:02Z"}');
CREATE TABLE session_ends (
	session  INTEGER PRIMARY KEY REFERENCES sessions,
	outcome  TEXT NOT NULL,
	planned  INTEGER NOT NULL,
	measured INTEGER NOT NULL,
	at       INTEGER NOT NULL,
	document TEXT NOT NULL
) STRICT;
INSERT INTO session_ends VALUES(1,'ok',2,2,1795435320000000000,'');
CREATE TABLE event_lines (
	session INTEGER NOT NULL REFERENCES sessions,
	number  INTEGER NOT NULL,
	at      INTEGER NOT NULL,
	body    BLOB NOT NULL,
	PRIMARY KEY (session, number)
) STRICT, WITHOUT ROWID;
INSERT INTO event_lines VALUES(2,1,1795435200000000001,X'007b7d');
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
CREATE TABLE batteries (
	id       INTEGER PRIMARY KEY,
	session  INTEGER NOT NULL REFERENCES sessions,
	at       INTEGER NOT NULL,
	document TEXT NOT NULL,
	raw      BLOB
) STRICT;
INSERT INTO batteries VALUES(1,2,1795435200000000000,'{"at":"2026-11-23T12:00:00Z","percent":80}',NULL);
CREATE TABLE absences (
	id      INTEGER PRIMARY KEY,
	session INTEGER NOT NULL REFERENCES sessions,
	metric  TEXT NOT NULL,
	reason  TEXT NOT NULL
) STRICT;
CREATE TABLE payloads (
	id      INTEGER PRIMARY KEY,
	run     INTEGER NOT NULL REFERENCES runs,
	session INTEGER REFERENCES sessions,
	name    TEXT NOT NULL,
	kind    TEXT NOT NULL,
	at      INTEGER NOT NULL,
	raw     BLOB NOT NULL
) STRICT;
INSERT INTO payloads VALUES(1,1,1,'p1.json','metric',1795435200000000000,X'7b007d');
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
, packed INTEGER NOT NULL DEFAULT 0) STRICT;
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
CREATE TABLE contexts (
	id       INTEGER PRIMARY KEY,
	hash     BLOB NOT NULL UNIQUE,
	document BLOB NOT NULL
) STRICT;
INSERT INTO contexts VALUES(1,X'953a63fbd2f3d0aff35101df2bc7d5398f8b454edd95ae3f28644721f917ecdc',X'01690fd7f221000111f200000000000000000000000000da49ecea80f940f03a43feb67a1c5adb28b52ffd4100012e01ed0700d2881d1c608b1b60552f29f1bb8d897de54b748fc8181406f42907230200103c0ac670a194eaa30e5f6ef79c50302088200dd436d71cd851f89a2305589c6d5c1d88ff672df76dad4d2fd378c9f431d33f74abb72de3b8b52df34cbf0df6a7506f143f90a4e2304c2c7710e3adc7a0e21ad2a6c08c49668c012e00cf6b4118b9a1091182c170aed921430950302790510c87f480d5e09e05cdc0a96ce0fe38102a252c9f8338122fdb38d25476c8488a2030834cca47545a8c2c013a640344c91e600e6027679039a0c05ce065c07a798040b1a0836cb581c7bf5e21cbe431c2e4029ac865bada97965c122e313c895c8227c9d86de5920e1878945136');
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
INSERT INTO sealed VALUES(1,1,1,0,336,2,X'01ea83b24114000281fc7bcec90000d3a371ca1245a39975c00028b52ffd01000175010074016e756c6c7d733030302d6f6b335431323a30323a30305a06007a80055c0466ec0ea8babf0b86489c20d22788',X'0000000001020400000000008044400000000000004540');
CREATE TABLE sealed_parts (
	id   INTEGER PRIMARY KEY,
	body BLOB NOT NULL
) STRICT;
INSERT INTO sealed_parts VALUES(1,X'0171fa3ec6a601000281398eaaacd413b800142880000a0ae5b3a95e659c7719a7e2a4d903c112dc685dd48bb4d36c9b56f7d869ed1b13ab0490d272f6820702063f694c78acf3af053b271421c7c5e2869c0915146505d2b8bccc45d1f6148e72042554ace2d8fd618aa7345c1fd5eb542ed4c9d25b2ce3a6e3c86dc05de433ff56ca183113174b749ac324ded159814b8f505d0266419e76c1a47388a6cdf3d4f8297316588f4a91d0de046a28b52ffd4100012600bd040004067d68656c6c6fff00206e6f204a534f4e6f6b612022636174220ac3a92522303030312d543a30305a22343031322d313830393232333337323033363835343737353831337d7b7d7468652070686f6e6520697320676f6e6520666f72203220731100f38101a451f2e38384552634ee6411e601724700c852190185e91792ac21aa8019680ee8025e4035c8011785940312d1c398ad');
CREATE TABLE unsealed (
	session INTEGER PRIMARY KEY REFERENCES sessions
) STRICT;
CREATE TABLE notices (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	run     INTEGER NOT NULL REFERENCES runs,
	session INTEGER REFERENCES sessions,
	what    TEXT NOT NULL,
	text    TEXT NOT NULL,
	at      INTEGER NOT NULL
) STRICT;
INSERT INTO notices VALUES(2,1,NULL,'wait','cooling down',1795435200000000000);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('notices',2);
CREATE INDEX runs_by_start ON runs (start_at);
CREATE INDEX cases_by_key ON cases (key, udid);
CREATE INDEX samples_by_metric ON samples (session, metric);
CREATE INDEX batteries_by_session ON batteries (session);
CREATE INDEX absences_by_session ON absences (session);
CREATE INDEX payloads_by_run ON payloads (run);
CREATE INDEX cold_references_by_unit ON cold_references (udid, model_hash, build_hash, os_build, probe);
CREATE INDEX notices_by_run ON notices (run);
CREATE INDEX notices_by_session ON notices (session) WHERE session IS NOT NULL;
CREATE INDEX sessions_by_case ON sessions (case_key, udid, arm, at);
CREATE INDEX payloads_by_session ON payloads (session) WHERE session IS NOT NULL;
CREATE INDEX taken_by_time ON taken (device_type, begin_at);
COMMIT;
