-- Lines of game servers.
CREATE OR REPLACE VIEW views.server_logs
(
    studio_id LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id   LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    server_id String COMMENT 'Server',
    at        DateTime64(3, 'UTC') COMMENT 'When the host read the line',
    attempt   UInt32 COMMENT 'Which start of the server printed it, from 1',
    stream    LowCardinality(String) COMMENT 'stdout, stderr, or agent for a word of the host''s',
    level     LowCardinality(String) COMMENT 'error, warn, info or debug',
    message   String COMMENT 'The line'
)
SQL SECURITY INVOKER
AS
SELECT studio_id, game_id, instance_id AS server_id, at, attempt, stream, level, message
FROM fleet_logs FINAL
COMMENT 'Lines that game servers printed in the last 7 days, one row each.'
