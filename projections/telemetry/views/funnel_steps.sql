-- Funnel steps under the names that all views share.
CREATE OR REPLACE VIEW views.funnel_steps
(
    studio_id   LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id     LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    player_id   String COMMENT 'Player: S4 player_id, S1 deviceId, live-ops externalId, which are one id where the game uses one',
    session_id  String COMMENT 'Session, as in sessions',
    at          DateTime64(3, 'UTC') COMMENT 'When it was reached, by the client',
    arrived_at  DateTime64(3, 'UTC') COMMENT 'When the log took it',
    step        LowCardinality(String) COMMENT 'Name of the step; its place in the funnel is in funnels',
    build_id    LowCardinality(String) COMMENT 'Build that the client said; its place in the order is in builds',
    environment LowCardinality(String) COMMENT 'Environment slug; production where none was sent',
    source      LowCardinality(String) COMMENT 'What sent it, such as unity-telemetry',
    room        LowCardinality(String) COMMENT 'Room or level; empty where none was sent',
    properties  Map(String, String) COMMENT 'What else was sent, by field: texts as they are, all else as JSON'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, player_id, session_id, occurred_at AS at, arrived_at, step_name AS step, build_id,
    environment, source, room, JSONExtract(properties, 'Map(String, String)') AS properties
FROM funnel_steps
COMMENT 'Steps that players reached, one row each time.'
