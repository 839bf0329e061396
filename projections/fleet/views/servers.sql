-- Game servers.
CREATE OR REPLACE VIEW views.servers
(
    studio_id       LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id         LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    server_id       String COMMENT 'Server',
    name            String COMMENT 'Its name',
    status          LowCardinality(String) COMMENT 'launching, running or stopped',
    phase           LowCardinality(String) COMMENT 'queued, starting, running, backoff, stopping or stopped',
    at              DateTime64(3, 'UTC') COMMENT 'When it was asked for',
    ready_at        Nullable(DateTime64(3, 'UTC')) COMMENT 'When its latest attempt was ready for players',
    stopped_at      Nullable(DateTime64(3, 'UTC')) COMMENT 'When its stop was decided',
    region          LowCardinality(String) COMMENT 'Region',
    compute_size    LowCardinality(String) COMMENT 'Size, such as small',
    server_build_id String COMMENT 'Build of the server, as in server_builds',
    version_tag     LowCardinality(String) COMMENT 'Name of that build',
    version         UInt32 COMMENT 'Its version, from 1',
    match_id        String COMMENT 'Match it is for; empty where none',
    host_id         LowCardinality(String) COMMENT 'Host of its latest attempt; empty where none',
    address         String COMMENT 'Where players reach it; empty where it has no ports',
    attempts        UInt32 COMMENT 'How often it was placed on a host',
    stop_reason     String COMMENT 'Why it was stopped: a code, or the client''s words',
    exit_code       Nullable(Int32) COMMENT 'Of the last attempt that ended; a signal n is 128 + n',
    custom_data     Map(String, String) COMMENT 'What its owner keeps with it, by field'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, instance_id AS server_id, name, status, phase, created_at AS at, ready_at, stopped_at, region,
    compute_size, build_id AS server_build_id, version_tag, version, match_id, host_id, address, attempt AS attempts,
    stop_reason, exit_code, JSONExtract(custom_data, 'Map(String, String)') AS custom_data
FROM fleet_servers FINAL
COMMENT 'Game servers, one row each, as they are now.'
