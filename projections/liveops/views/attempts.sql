-- Attempts as they are now.
CREATE OR REPLACE VIEW views.attempts
(
    studio_id           LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id             LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    player_id           String COMMENT 'Player: externalId, which is telemetry''s player_id where the game uses one id',
    attempt_id          String COMMENT 'Attempt',
    event_key           String COMMENT 'Event of the definition',
    window_id           String COMMENT 'Window of it',
    board_id            String COMMENT 'Leaderboard',
    at                  DateTime64(3, 'UTC') COMMENT 'When it began',
    ended_at            Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was completed or ended by another start; NULL while it is active',
    status              String COMMENT 'active, completed or expired',
    score               Float64 COMMENT 'What it comes to now',
    metrics             Map(String, Float64) COMMENT 'Every metric of the event; 0 until reported',
    reports             UInt64 COMMENT 'How often progress was reported',
    seconds_to_complete Nullable(Float64) COMMENT 'From its start to its completion; NULL where it is not completed',
    segment             String COMMENT 'Segment of a segmented event; empty where none',
    lobby_id            String COMMENT 'Lobby; empty where none'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, player_id, attempt_id,
    last.event_key AS event_key, last.window_id AS window_id, last.board_id AS board_id,
    fromUnixTimestamp64Milli(last.started_at_ms, 'UTC') AS at,
    if(last.status = 'active', NULL, coalesce(fromUnixTimestamp64Milli(last.completed_at_ms, 'UTC'), expired_at)) AS ended_at,
    last.status AS status, last.score AS score, last.metrics AS metrics, reports,
    if(last.status = 'completed', (last.completed_at_ms - last.started_at_ms) / 1000, NULL) AS seconds_to_complete,
    segment, ifNull(last.lobby_id, '') AS lobby_id
FROM
(
    SELECT
        studio_id, game_id, player_id, attempt.id AS attempt_id,
        argMax(attempt, place) AS last,
        countIf(event = 'liveops.attempt-progressed.v1') AS reports,
        maxIf(happened_at, event = 'liveops.attempt-expired.v1') AS expired_at,
        max(in_segment) AS segment
    FROM
    (
        SELECT
            studio_id, game_id, external_id AS player_id, event, at AS happened_at, (_offset, _index) AS place,
            JSONExtractString(data, 'segment') AS in_segment,
            JSONExtract(data, 'attempt', 'Tuple(id String, event_key String, window_id String, board_id String,
                status String, metrics Map(String, Float64), score Float64, started_at_ms Int64,
                completed_at_ms Nullable(Int64), lobby_id Nullable(String))') AS attempt
        FROM liveops_events FINAL
        WHERE event IN ('liveops.attempt-started.v1', 'liveops.attempt-expired.v1', 'liveops.attempt-progressed.v1',
            'liveops.attempt-completed.v1')
    )
    GROUP BY studio_id, game_id, player_id, attempt_id
)
COMMENT 'Attempts at live-ops events, one row each, as they are now.'
