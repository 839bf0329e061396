-- Which persons this set of tables has forgotten, as fingerprints: what is taken in later of them is left out.
CREATE TABLE IF NOT EXISTS forgotten_persons
(
    topic LowCardinality(String) COMMENT 'Topic', partition UInt16 COMMENT 'Partition',
    offset UInt64 COMMENT 'Log offset of the record that says so', studio String COMMENT 'Whose person it is',
    players Array(String) COMMENT 'Fingerprints of ids of the player and of devices',
    handles Array(String) COMMENT 'Fingerprints of handles, each with its game',
    forgotten_at DateTime64(3, 'UTC') COMMENT 'When it was decided, by the operator''s clock'
)
ENGINE = ReplacingMergeTree ORDER BY (topic, partition, offset)
COMMENT 'Persons of whom this set of tables holds nothing from before that record, and takes in nothing after it. Read with FINAL.'
