-- packed says how raw and figures of a payload are written: 0 as they are, 1 as an S2 block each (a form of
-- Snappy), over a dictionary that the store holds. The hash is that of the payload's own bytes. Rows of an earlier version stay as they are.
ALTER TABLE taken ADD COLUMN packed INTEGER NOT NULL DEFAULT 0;

-- Payloads are asked for by the unit's type and the time they speak of; nothing ever asked by build.
DROP INDEX taken_by_build;
CREATE INDEX taken_by_time ON taken (device_type, begin_at);
