-- Frame rates under the names that all views share.
CREATE OR REPLACE VIEW views.performance
(
    studio_id    LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id      LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    player_id    String COMMENT 'Player: S4 player_id, S1 deviceId, live-ops externalId, which are one id where the game uses one',
    session_id   String COMMENT 'Session, as in sessions',
    at           DateTime64(3, 'UTC') COMMENT 'When the trajectory began',
    ended_at     DateTime64(3, 'UTC') COMMENT 'When it ended',
    arrived_at   DateTime64(3, 'UTC') COMMENT 'When the log took it',
    build_id     LowCardinality(String) COMMENT 'Build that the client said; its place in the order is in builds',
    environment  LowCardinality(String) COMMENT 'Environment slug; production where none was sent',
    source       LowCardinality(String) COMMENT 'What sent it, such as unity-telemetry',
    room         LowCardinality(String) COMMENT 'Room or level; empty where none was sent',
    status       LowCardinality(String) COMMENT 'What the game was doing, as sent, such as Gameplay',
    input_method LowCardinality(String) COMMENT 'As sent; empty where none',
    fps_mean     Nullable(Float64) COMMENT 'Mean frames a second; NULL where none was sent',
    fps_low_5    Nullable(Float64) COMMENT 'Frames a second of the slowest 5 %',
    fps_low_1    Nullable(Float64) COMMENT 'Frames a second of the slowest 1 %',
    points       UInt32 COMMENT 'Points that the trajectory held: they are in positions'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, player_id, session_id, started_at AS at, ended_at, arrived_at, build_id, environment, source,
    if(room = 'unknown', '', room) AS room, status, input_method, fps_mean, fps_low_5, fps_low_1, points
FROM performance
COMMENT 'Frame rates, one row a trajectory. GPUs are in players.'
