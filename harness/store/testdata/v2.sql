-- What version 2 of the schema leaves behind: a database of version 1 that took a payload in. Made by its code, never edited.
PRAGMA foreign_keys=OFF;
PRAGMA user_version = 2;
BEGIN TRANSACTION;
CREATE TABLE absences (
	id      INTEGER PRIMARY KEY,
	session INTEGER NOT NULL REFERENCES sessions,
	metric  TEXT NOT NULL,
	reason  TEXT NOT NULL
) STRICT;
INSERT INTO absences VALUES(1,1,'energy_j','the phone is charging');
CREATE TABLE batteries (
	id       INTEGER PRIMARY KEY,
	session  INTEGER NOT NULL REFERENCES sessions,
	at       INTEGER NOT NULL,
	document TEXT NOT NULL,
	raw      BLOB
) STRICT;
INSERT INTO batteries VALUES(1,1,1795435200000000000,'{"at":"2026-11-23T12:00:00Z","voltage_mv":4012,"amperage_ma":-180,"accumulated_system_load":9223372036854775813}',X'01aa46148626068646b580000000ffff');
INSERT INTO batteries VALUES(2,2,1795435200000000000,'{"at":"2026-11-23T12:00:00Z","percent":80}',NULL);
CREATE TABLE cases (
	run     INTEGER NOT NULL REFERENCES runs,
	ordinal INTEGER NOT NULL,
	key     TEXT NOT NULL,
	udid    TEXT NOT NULL,
	PRIMARY KEY (run, ordinal)
) STRICT, WITHOUT ROWID;
INSERT INTO cases VALUES(1,0,'iPhone15,4/stories-1m/quick','U-1');
CREATE TABLE event_lines (
	session INTEGER NOT NULL REFERENCES sessions,
	number  INTEGER NOT NULL,
	at      INTEGER NOT NULL,
	body    BLOB NOT NULL,
	PRIMARY KEY (session, number)
) STRICT, WITHOUT ROWID;
INSERT INTO event_lines VALUES(1,1,1795435200000000001,X'01c2518a181a80015a61520b080000ffff');
INSERT INTO event_lines VALUES(1,2,1795435200000000002,X'00ff00206e6f204a534f4e');
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
INSERT INTO iterations VALUES(1,1,0,1,4,'ok','',0,4900000,5000000,9100000,'nominal',replace(' a "cat"\né','\n',char(10)),X'032208f403',X'0380ade2048999ee02e903');
INSERT INTO iterations VALUES(2,1,1,0,4,'ok','',1000000000,4900000,1005000000,1009100000,'nominal',replace(' a "cat"\né','\n',char(10)),X'032208f403',X'0380d5b8be0789c1c4bc07e903');
INSERT INTO iterations VALUES(3,1,2,0,4,'ok','',2000000000,4900000,2005000000,2009100000,'nominal',replace(' a "cat"\né','\n',char(10)),X'032208f403',X'0380fd8ef80e89e99af60ee903');
CREATE TABLE notices (
	id      INTEGER PRIMARY KEY,
	run     INTEGER NOT NULL REFERENCES runs,
	session INTEGER REFERENCES sessions,
	what    TEXT NOT NULL,
	text    TEXT NOT NULL,
	at      INTEGER NOT NULL
) STRICT;
INSERT INTO notices VALUES(1,1,1,'device','gone for 2 s',1795435200000000000);
INSERT INTO notices VALUES(2,1,NULL,'wait','cooling down',1795435200000000000);
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
INSERT INTO runs VALUES(1,'r1',1795435200000000000,1,'{"id":"r1","revision":"0123abc","fingerprint":{"udid":"","os_build":"","model_hash":"","scenario_hash":"","harness_version":"","power_mode":"","kind":""},"start":"2026-11-23T12:00:00Z","synthetic":true,"host":"lab","plan":{"seed":7,"builds":null,"cases":[{"device":{"udid":"U-1","name":"shelf 1","kind":"virtual","product_type":"iPhone15,4","os_build":"22G86"},"model":{"name":"stories-1m","version":"","hash":"aa11","path":"","size_bytes":0},"scenario":{"name":"quick","generate_tokens":3,"warmups":1,"iterations":2,"sessions":0,"compute_units":"","temperature":0,"start_thermal":"","session_timeout_ns":0}}],"sessions":[{"id":"s000-candidate","ordinal":0,"case":0,"arm":"candidate","pair":0,"cold_from":false},{"id":"s001-candidate","ordinal":1,"case":0,"arm":"candidate","pair":1,"cold_from":false}]}}');
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
INSERT INTO samples VALUES(1,1,1,0,40.0,2,1795435260000000000,42,3,4,NULL,NULL);
INSERT INTO samples VALUES(2,1,1,1,41.0,2,1795435260000000000,42,3,4,NULL,NULL);
INSERT INTO samples VALUES(3,1,1,2,42.0,2,1795435260000000000,42,3,4,NULL,NULL);
CREATE TABLE session_ends (
	session  INTEGER PRIMARY KEY REFERENCES sessions,
	outcome  TEXT NOT NULL,
	planned  INTEGER NOT NULL,
	measured INTEGER NOT NULL,
	at       INTEGER NOT NULL,
	document TEXT NOT NULL
) STRICT;
INSERT INTO session_ends VALUES(1,'ok',2,2,1795435320000000000,'{"id":"s000-candidate","outcome":"ok","planned":2,"measured":2,"tokens":9,"thermal_start":"nominal","at":"2026-11-23T12:02:00Z"}');
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
INSERT INTO sessions VALUES(1,1,'s000-candidate','s000-candidate',1,'iPhone15,4/stories-1m/quick','U-1','candidate',0,1795435201000000000,'{"id":"s000-candidate","attempt":1,"planned":{"id":"s000-candidate","ordinal":0,"case":0,"arm":"candidate","pair":0,"cold_from":false},"case":{"device":{"udid":"U-1","name":"shelf 1","kind":"virtual","product_type":"iPhone15,4","os_build":"22G86"},"model":{"name":"stories-1m","version":"","hash":"aa11","path":"","size_bytes":0},"scenario":{"name":"quick","generate_tokens":3,"warmups":1,"iterations":2,"sessions":0,"compute_units":"","temperature":0,"start_thermal":"","session_timeout_ns":0}},"build":{"arm":"","path":"","bundle_id":"","version":"","revision":"","configuration":"","hash":""},"fingerprint":{"udid":"","os_build":"","model_hash":"","scenario_hash":"","harness_version":"","power_mode":"","kind":""},"prepared":{"BuildInstalled":false,"ModelPushed":false,"FirstEver":false,"PushedBytes":0,"PushSeconds":0},"at":"2026-11-23T12:00:01Z"}');
INSERT INTO sessions VALUES(2,1,'s001-candidate','s001-candidate',2,'iPhone15,4/stories-1m/quick','U-1','candidate',1,1795435202000000000,'{"id":"s001-candidate","attempt":2,"planned":{"id":"s001-candidate","ordinal":1,"case":0,"arm":"candidate","pair":1,"cold_from":false},"case":{"device":{"udid":"U-1","name":"shelf 1","kind":"virtual","product_type":"iPhone15,4","os_build":"22G86"},"model":{"name":"stories-1m","version":"","hash":"aa11","path":"","size_bytes":0},"scenario":{"name":"quick","generate_tokens":3,"warmups":1,"iterations":2,"sessions":0,"compute_units":"","temperature":0,"start_thermal":"","session_timeout_ns":0}},"build":{"arm":"","path":"","bundle_id":"","version":"","revision":"","configuration":"","hash":""},"fingerprint":{"udid":"","os_build":"","model_hash":"","scenario_hash":"","harness_version":"","power_mode":"","kind":""},"prepared":{"BuildInstalled":false,"ModelPushed":false,"FirstEver":false,"PushedBytes":0,"PushSeconds":0},"at":"2026-11-23T12:00:02Z"}');
CREATE TABLE words (
	id   INTEGER PRIMARY KEY,
	text TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO words VALUES(1,'decode_tok_s');
INSERT INTO words VALUES(2,'tok/s');
INSERT INTO words VALUES(3,'decode');
INSERT INTO words VALUES(4,'derived');
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
INSERT INTO taken VALUES(1,X'4b5e70764efdb02c3ff2b793bb83d0365403eaaf346a158db7a8e9b44039a970','harness/metrickit/testdata/de.json',1795414374340292857,'metric','iPhone16,1','23B85','','','2026-10-24T22:59:00Z','2026-10-24T22:59:00Z',0,1110,X'7b2274696d655374616d70426567696e223a22323032362d31302d32342032323a35393a3030222c2274696d655374616d70456e64223a22323032362d31302d32342032323a35393a3030222c2261707056657273696f6e223a22312e30222c0a20226d65746144617461223a7b226f7356657273696f6e223a226950686f6e65204f532032362e312028323342383529222c22726567696f6e466f726d6174223a224445222c2264657669636554797065223a226950686f6e6531362c31222c226c6f77506f7765724d6f6465456e61626c6564223a747275652c22697354657374466c69676874417070223a66616c73657d2c0a20226d656d6f72794d657472696373223a7b227065616b4d656d6f72795573616765223a22312e333030206b42227d2c0a20226469736b494f4d657472696373223a7b2263756d756c61746976654c6f676963616c577269746573223a22312e3330302c35206b42227d2c0a20226e6574776f726b5472616e736665724d657472696373223a7b2263756d756c617469766557696669446f776e6c6f6164223a22312c35204d42227d2c0a20226170706c69636174696f6e457869744d657472696373223a7b226261636b67726f756e644578697444617461223a7b7d2c22666f726567726f756e644578697444617461223a7b2263756d756c61746976654e6f726d616c41707045786974436f756e74223a332c2263756d756c61746976654d656d6f72795265736f757263654c696d697445786974436f756e74223a317d7d2c0a20226675747572654d657472696373223a7b227175616e74756d466c7578223a5b312c325d2c226f6464223a6e756c6c7d2c0a20227369676e706f73744d657472696373223a5b7b227369676e706f73744e616d65223a226465636f6465222c227369676e706f737443617465676f7279223a2262656e6368222c22746f74616c5369676e706f7374436f756e74223a31322c0a202020227369676e706f7374496e74657276616c44617461223a7b227369676e706f737443756d756c617469766543505554696d65223a2235302e303030206d73222c227369676e706f7374417665726167654d656d6f7279223a223230302e303030206b42222c0a202020202022686973746f6772616d6d65645369676e706f73744475726174696f6e73223a7b22686973746f6772616d4e756d4275636b657473223a332c22686973746f6772616d56616c7565223a7b223130223a7b226275636b6574436f756e74223a312c226275636b65745374617274223a22322e303030206d73222c226275636b6574456e64223a22322e303130206d73227d2c2232223a7b226275636b6574436f756e74223a36302c226275636b65745374617274223a22313030206d73222c226275636b6574456e64223a22313130206d73227d2c2230223a7b226275636b6574436f756e74223a35302c226275636b65745374617274223a2230206d73222c226275636b6574456e64223a22313030206d73227d7d7d7d7d5d7d',X'5b7b2270617468223a226d656d6f72794d6574726963732e7065616b4d656d6f72795573616765222c2276616c7565223a313330303030302c22756e6974223a2242227d2c7b2270617468223a226469736b494f4d6574726963732e63756d756c61746976654c6f676963616c577269746573222c2276616c7565223a313330303530302c22756e6974223a2242227d2c7b2270617468223a226e6574776f726b5472616e736665724d6574726963732e63756d756c617469766557696669446f776e6c6f6164222c2276616c7565223a313530303030302c22756e6974223a2242227d2c7b2270617468223a226170706c69636174696f6e457869744d6574726963732e666f726567726f756e6445786974446174612e63756d756c61746976654e6f726d616c41707045786974436f756e74222c2276616c7565223a332c22756e6974223a2231227d2c7b2270617468223a226170706c69636174696f6e457869744d6574726963732e666f726567726f756e6445786974446174612e63756d756c61746976654d656d6f72795265736f757263654c696d697445786974436f756e74222c2276616c7565223a312c22756e6974223a2231227d2c7b2270617468223a227369676e706f73744d6574726963732e302e746f74616c5369676e706f7374436f756e74222c227369676e706f7374223a226465636f6465222c2276616c7565223a31322c22756e6974223a2231227d2c7b2270617468223a227369676e706f73744d6574726963732e302e7369676e706f7374496e74657276616c446174612e7369676e706f737443756d756c617469766543505554696d65222c227369676e706f7374223a226465636f6465222c2276616c7565223a35302c22756e6974223a2273227d2c7b2270617468223a227369676e706f73744d6574726963732e302e7369676e706f7374496e74657276616c446174612e7369676e706f7374417665726167654d656d6f7279222c227369676e706f7374223a226465636f6465222c2276616c7565223a3230303030303030302c22756e6974223a2242227d5d','');
CREATE INDEX runs_by_start ON runs (start_at);
CREATE INDEX cases_by_key ON cases (key, udid);
CREATE INDEX sessions_by_case ON sessions (case_key, udid, at);
CREATE INDEX samples_by_metric ON samples (session, metric);
CREATE INDEX batteries_by_session ON batteries (session);
CREATE INDEX absences_by_session ON absences (session);
CREATE INDEX payloads_by_run ON payloads (run);
CREATE INDEX notices_by_run ON notices (run);
CREATE INDEX taken_by_build ON taken (bundle_id, app_build, device_type, os_build);
COMMIT;
