-- Which decisions to skip a telemetry record this set of tables has honoured.
CREATE TABLE IF NOT EXISTS log_skips
(
    topic LowCardinality(String) COMMENT 'Topic', partition UInt16 COMMENT 'Partition',
    offset UInt64 COMMENT 'Log offset of the skipped record', part Int64 COMMENT 'The request within the record; -1 for the record as a whole',
    sha256 String COMMENT 'Of the record, in hexadecimal digits', reason String COMMENT 'As the operator gave it',
    decided_at DateTime64(3, 'UTC') COMMENT 'When it was decided, by the operator''s clock'
)
ENGINE = ReplacingMergeTree ORDER BY (topic, partition, offset, part, sha256)
COMMENT 'Telemetry records, or single requests in them, that were skipped by decision and have no rows in this set of tables. Read with FINAL.'
