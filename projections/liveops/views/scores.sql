-- Scores under the names that all views share.
CREATE OR REPLACE VIEW views.scores
(
    studio_id        LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id          LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    player_id        String COMMENT 'Player: externalId, which is telemetry''s player_id where the game uses one id',
    at               DateTime64(3, 'UTC') COMMENT 'When it was reported',
    event_key        LowCardinality(String) COMMENT 'Event of the definition',
    window_id        LowCardinality(String) COMMENT 'Window of it',
    board_id         String COMMENT 'Leaderboard',
    attempt_id       String COMMENT 'Attempt that was progressed',
    attempt_score    Float64 COMMENT 'What the attempt comes to since',
    score            Float64 COMMENT 'What the leaderboard keeps for the player since',
    is_personal_best Bool COMMENT 'Whether it is better than all before on this leaderboard'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, external_id AS player_id, at, event_key, window_id, board_id, attempt_id, attempt_score, score,
    is_personal_best
FROM liveops_scores FINAL
COMMENT 'Scores, one row a report, also those that moved no rank.'
