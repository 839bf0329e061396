-- Leaderboards.
CREATE OR REPLACE VIEW views.boards
(
    studio_id     LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id       LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    event_key     LowCardinality(String) COMMENT 'Event of the definition',
    window_id     LowCardinality(String) COMMENT 'Window of it',
    board_id      String COMMENT 'Leaderboard',
    at            DateTime64(3, 'UTC') COMMENT 'First score on it',
    last_at       DateTime64(3, 'UTC') COMMENT 'Last score on it',
    players       UInt64 COMMENT 'Players with a score',
    reports       UInt64 COMMENT 'Scores that were reported',
    highest_score Float64 COMMENT 'Highest score that was kept',
    lowest_score  Float64 COMMENT 'Lowest score that was kept',
    is_final      Bool COMMENT 'Whether its ranks are frozen'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, any(s.event_key) AS event_key, any(s.window_id) AS window_id, board_id, min(s.at) AS at,
    max(s.at) AS last_at, uniqExact(external_id) AS players, count() AS reports, max(score) AS highest_score,
    min(score) AS lowest_score,
    (studio_id, game_id, board_id) IN (SELECT studio_id, game_id, board_id FROM liveops_final_entries) AS is_final
FROM liveops_scores AS s FINAL
GROUP BY studio_id, game_id, board_id
COMMENT 'Leaderboards with a score, one row each.'
