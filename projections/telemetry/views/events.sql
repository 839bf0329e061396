-- Events with their properties as a map.
CREATE OR REPLACE VIEW views.events
(
    studio_id    LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id      LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    player_id    String COMMENT 'Player: S4 player_id, S1 deviceId, live-ops externalId, which are one id where the game uses one',
    session_id   String COMMENT 'Session, as in sessions',
    at           DateTime64(3, 'UTC') COMMENT 'When it happened, by the client',
    arrived_at   DateTime64(3, 'UTC') COMMENT 'When the log took it',
    event_name   LowCardinality(String) COMMENT 'Name as sent',
    build_id     LowCardinality(String) COMMENT 'Build that the client said; its place in the order is in builds',
    environment  LowCardinality(String) COMMENT 'Environment slug; production where none was sent',
    source       LowCardinality(String) COMMENT 'What sent it, such as unity-telemetry',
    room         LowCardinality(String) COMMENT 'Room or level; empty where none was sent',
    x            Nullable(Float64) COMMENT 'First coordinate, in the game''s own unit; NULL where none was sent',
    y            Nullable(Float64) COMMENT 'Second coordinate',
    z            Nullable(Float64) COMMENT 'Third coordinate',
    input_method LowCardinality(String) COMMENT 'S4 input_method; empty where none was sent',
    properties   Map(String, String) COMMENT 'What else was sent, by field: texts as they are, all else as JSON'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, player_id, session_id, occurred_at AS at, arrived_at, event_name, build_id, environment,
    source, room, x, y, z, input_method, JSONExtract(properties, 'Map(String, String)') AS properties
FROM events
COMMENT 'What happened in games, one row an event. Positions and funnel steps are in views of their own.'
