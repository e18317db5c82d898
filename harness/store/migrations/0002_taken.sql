-- taken: MetricKit payloads taken in from files, beside those that a run brought home in payloads. hash is the SHA-256
-- of the bytes: the same payload is kept once. raw is the payload as it came; it is NULL where the payload is too large
-- for a row and lies in a file of its own, named by its hash. figures are the values that could be read, as a JSON list
-- of {path, value, unit, …} in base units; everything else can be read again from raw. problem says why a payload
-- could not be read.
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
CREATE INDEX taken_by_build ON taken (bundle_id, app_build, device_type, os_build);
