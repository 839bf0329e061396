-- Builds of game servers.
CREATE OR REPLACE VIEW views.server_builds
(
    studio_id       LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id         LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    server_build_id String COMMENT 'Build of the server',
    name            LowCardinality(String) COMMENT 'Name, which servers ask for as version_tag',
    version         UInt32 COMMENT 'Version of that name, from 1',
    status          LowCardinality(String) COMMENT 'uploading, processing, ready, failed or deleted',
    build_type      LowCardinality(String) COMMENT 'zip or docker_image',
    at              DateTime64(3, 'UTC') COMMENT 'When it was created',
    updated_at      DateTime64(3, 'UTC') COMMENT 'When it last changed',
    size_bytes      Nullable(UInt64) COMMENT 'Size as it is stored; NULL until it is ready',
    files           Nullable(UInt32) COMMENT 'Files in it',
    error           String COMMENT 'Why processing failed; else empty'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, build_id AS server_build_id, name, version, status, build_type, created_at AS at, updated_at,
    size_bytes, files, error
FROM fleet_builds FINAL
COMMENT 'Builds of game servers, one row each, deleted ones too. What clients play is in builds.'
