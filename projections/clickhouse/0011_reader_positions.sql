-- Where each reader stands, for all topics alike. One partition a topic, so that a rebuild replaces a topic's whole.
CREATE TABLE IF NOT EXISTS reader_positions
(
    topic LowCardinality(String) COMMENT 'Topic', partition UInt16 COMMENT 'Partition', next_offset UInt64 COMMENT 'Everything before it is in every table',
    src Int64 DEFAULT -1 COMMENT 'Last accepted src of an events topic; -1 before the first and for other topics',
    mark String COMMENT 'LogAppendTime and CRC-32 of the last record before next_offset; empty where an older release wrote it',
    log_id String COMMENT 'Identity of the log', log_time DateTime64(3, 'UTC') COMMENT 'LogAppendTime of the last record applied; 1970 where it is not kept', written_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When'
)
ENGINE = ReplacingMergeTree(next_offset) PARTITION BY topic ORDER BY (topic, partition)
COMMENT 'How far each topic has been applied, written after all tables of a cut have acknowledged. Read with FINAL.'
;;
INSERT INTO reader_positions (topic, partition, next_offset, mark, log_id, log_time)
SELECT topic, partition, next_offset, mark, log_id, log_time FROM log_positions FINAL
;;
INSERT INTO reader_positions (topic, partition, next_offset, src, mark, log_id)
SELECT 'liveops.events', partition, next_offset, src, mark, log_id FROM liveops_positions FINAL
