-- What game servers print and use. A line or a sample that is written twice has the same key; read with FINAL.
CREATE TABLE IF NOT EXISTS fleet_logs
(
    studio_id   LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id     LowCardinality(String) COMMENT 'Game, which is the project of the server',
    at          DateTime64(3, 'UTC') COMMENT 'When the host read the line',
    instance_id String COMMENT 'Server',
    server_name String COMMENT 'Its name at that time',
    region      LowCardinality(String) COMMENT 'Its region',
    attempt     UInt32 COMMENT 'Which start of the server printed it, from 1',
    host_id     LowCardinality(String) COMMENT 'Machine it ran on',
    stream      LowCardinality(String) COMMENT 'stdout, stderr, or agent for a word of the host''s',
    byte_offset UInt64 COMMENT 'Of the line''s first byte in what that attempt printed on that stream',
    level       LowCardinality(String) COMMENT 'error, warn, info or debug, as the line''s beginning says',
    message     String COMMENT 'The line without escape sequences; lines over 8 KiB come in pieces',
    _partition  UInt16 COMMENT 'Partition of fleet.telemetry',
    _offset     UInt64 COMMENT 'Offset of the record there',
    _index      UInt32 COMMENT 'Position of the line in that record, from 0',
    INDEX of_instance instance_id TYPE bloom_filter(0.01) GRANULARITY 2
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(at)
ORDER BY (studio_id, game_id, at, _partition, _offset, _index)
TTL toDateTime(at) + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1, auto_statistics_types = ''
COMMENT 'Every line that game servers printed in the last 7 days, once. Read with FINAL.'
;;
CREATE TABLE IF NOT EXISTS fleet_log_ends
(
    studio_id   LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id     LowCardinality(String) COMMENT 'Game',
    instance_id String COMMENT 'Server',
    attempt     UInt32 COMMENT 'Which start of it, from 1',
    stream      LowCardinality(String) COMMENT 'stdout, stderr, or agent for a word of the host''s',
    last_byte_offset UInt64 COMMENT 'Of the last line that fleet_logs took: what a host tells again up to there is known',
    at          DateTime64(3, 'UTC') COMMENT 'When the host read that line'
)
ENGINE = ReplacingMergeTree(last_byte_offset)
ORDER BY (studio_id, game_id, instance_id, attempt, stream)
TTL toDateTime(at) + INTERVAL 40 DAY
SETTINGS auto_statistics_types = ''
COMMENT 'How far the output of each start of a server has been taken in. Read with FINAL.'
;;
CREATE TABLE IF NOT EXISTS fleet_metrics
(
    studio_id       LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id         LowCardinality(String) COMMENT 'Game, which is the project of the server',
    instance_id     String COMMENT 'Server',
    at              DateTime64(3, 'UTC') COMMENT 'When the sample was taken, about every 15 s',
    attempt         UInt32 COMMENT 'Which start of the server, from 1; counters begin at 0 in each',
    host_id         LowCardinality(String) COMMENT 'Machine it ran on',
    region          LowCardinality(String) COMMENT 'Its region',
    cpu_percent     Float32 COMMENT 'Of the CPU it is allotted, since the sample before',
    memory_bytes    UInt64 COMMENT 'Memory in use',
    memory_total_bytes UInt64 COMMENT 'Memory that it may use',
    rx_bytes        UInt64 COMMENT 'Received since the attempt began',
    tx_bytes        UInt64 COMMENT 'Sent since the attempt began',
    tcp_connections UInt32 COMMENT 'Established TCP connections',
    load            Float32 COMMENT 'Busy cores, as a mean over a minute'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (studio_id, game_id, instance_id, at, attempt)
TTL toDateTime(at) + INTERVAL 30 DAY
SETTINGS auto_statistics_types = ''
COMMENT 'What game servers used in the last 30 days. Read with FINAL.'
;;
CREATE TABLE IF NOT EXISTS fleet_build_logs
(
    studio_id LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id   LowCardinality(String) COMMENT 'Game, which is the project of the build',
    build_id  String COMMENT 'Build',
    attempt   UInt32 COMMENT 'Which attempt of processing, from 1',
    number    UInt32 COMMENT 'Position of the line in that attempt, from 1',
    at        DateTime64(3, 'UTC') COMMENT 'When it was said',
    level     LowCardinality(String) COMMENT 'error, warn, info or debug',
    step      LowCardinality(String) COMMENT 'What was being done, such as validate or store',
    message   String COMMENT 'What was said',
    host_id   LowCardinality(String) COMMENT 'Machine that processed it'
)
ENGINE = ReplacingMergeTree
ORDER BY (studio_id, game_id, build_id, attempt, number)
TTL toDateTime(at) + INTERVAL 30 DAY
SETTINGS auto_statistics_types = ''
COMMENT 'What was said of the processing of builds in the last 30 days. Read with FINAL.'
