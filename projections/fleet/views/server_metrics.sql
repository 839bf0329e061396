-- What game servers use.
CREATE OR REPLACE VIEW views.server_metrics
(
    studio_id          LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id            LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    server_id          String COMMENT 'Server',
    at                 DateTime64(3, 'UTC') COMMENT 'When the sample was taken, about every 15 s',
    attempt            UInt32 COMMENT 'Which start of the server, from 1; counters begin at 0 in each',
    host_id            LowCardinality(String) COMMENT 'Host',
    region             LowCardinality(String) COMMENT 'Region',
    cpu_percent        Float32 COMMENT 'Of the CPU it is allotted, since the sample before',
    memory_bytes       UInt64 COMMENT 'Memory in use',
    memory_total_bytes UInt64 COMMENT 'Memory that it may use',
    rx_bytes           UInt64 COMMENT 'Received since the attempt began',
    tx_bytes           UInt64 COMMENT 'Sent since the attempt began',
    tcp_connections    UInt32 COMMENT 'Established TCP connections'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, instance_id AS server_id, at, attempt, host_id, region, cpu_percent, memory_bytes,
    memory_total_bytes, rx_bytes, tx_bytes, tcp_connections
FROM fleet_metrics FINAL
COMMENT 'What game servers used in the last 30 days, one row a sample.'
