-- What became of game servers.
CREATE OR REPLACE VIEW views.server_transitions
(
    studio_id       LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id         LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    server_id       String COMMENT 'Server',
    at              DateTime64(3, 'UTC') COMMENT 'When it was decided',
    event           LowCardinality(String) COMMENT 'placed, queued, claimed, started, ready, exited, stopping, stopped, restarting or updated',
    phase           LowCardinality(String) COMMENT 'Phase that it has since',
    attempt         UInt32 COMMENT 'Attempt it is about; 0 before the first',
    host_id         LowCardinality(String) COMMENT 'Host of that attempt; empty where none',
    region          LowCardinality(String) COMMENT 'Region',
    compute_size    LowCardinality(String) COMMENT 'Size',
    server_build_id String COMMENT 'Build it runs, as in server_builds',
    match_id        String COMMENT 'Match it is for; empty where none',
    reason          String COMMENT 'Of exited, stopping and stopped: why; else empty',
    exit_code       Nullable(Int32) COMMENT 'Of exited and stopped: of the attempt that ended'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, instance_id AS server_id, at, event, phase, attempt, host_id, region, compute_size,
    build_id AS server_build_id, match_id, reason, exit_code
FROM fleet_transitions FINAL
COMMENT 'What happened to game servers, one row a transition.'
