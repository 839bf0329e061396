-- Positions under the names that all views share.
CREATE OR REPLACE VIEW views.positions
(
    studio_id   LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id     LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    player_id   String COMMENT 'Player: S4 player_id, S1 deviceId, live-ops externalId, which are one id where the game uses one',
    session_id  String COMMENT 'Session, as in sessions',
    at          DateTime64(3, 'UTC') COMMENT 'When; interpolated between a trajectory''s start and end',
    arrived_at  DateTime64(3, 'UTC') COMMENT 'When the log took it',
    build_id    LowCardinality(String) COMMENT 'Build that the client said; its place in the order is in builds',
    environment LowCardinality(String) COMMENT 'Environment slug; production where none was sent',
    source      LowCardinality(String) COMMENT 'What sent it, such as unity-telemetry',
    room        LowCardinality(String) COMMENT 'Room or level; empty where none was sent',
    x           Float64 COMMENT 'First coordinate, in the game''s own unit',
    y           Float64 COMMENT 'Second coordinate',
    z           Float64 COMMENT 'Third coordinate; 0 where none was sent'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, player_id, session_id, occurred_at AS at, arrived_at, build_id, environment, source,
    if(room = 'unknown', '', room) AS room, x, y, z
FROM positions
COMMENT 'Where players were, one row a point.'
