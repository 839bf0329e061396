-- Who stands on which leaderboard.
CREATE OR REPLACE VIEW views.board_entries
(
    studio_id LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id   LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    event_key LowCardinality(String) COMMENT 'Event of the definition',
    window_id LowCardinality(String) COMMENT 'Window of it',
    board_id  String COMMENT 'Leaderboard',
    player_id String COMMENT 'Player: externalId, which is telemetry''s player_id where the game uses one id; or a bot',
    score     Float64 COMMENT 'Score that is kept',
    at        DateTime64(3, 'UTC') COMMENT 'When it was last reported; of a frozen one, when the score got its value',
    rank      Nullable(UInt32) COMMENT 'Frozen rank, from 1; NULL while the leaderboard is open',
    is_bot    Bool COMMENT 'Whether it is a bot; bots are here once ranks are frozen'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, any(one.event_key) AS event_key, any(one.window_id) AS window_id, board_id, player_id,
    argMax(one.score, place) AS score, argMax(one.at, place) AS at, max(one.rank) AS rank, max(one.is_bot) AS is_bot
FROM
(
    SELECT
        studio_id, game_id, event_key, window_id, board_id, external_id AS player_id, score, at,
        (0, _offset, _index) AS place, CAST(NULL, 'Nullable(UInt32)') AS rank, false AS is_bot
    FROM liveops_scores FINAL
    UNION ALL
    SELECT
        studio_id, game_id, event_key, window_id, board_id, external_id, score, achieved_at, (1, 0, 0),
        toNullable(rank), is_bot
    FROM liveops_final_entries FINAL
) AS one
GROUP BY studio_id, game_id, board_id, player_id
COMMENT 'Entries of leaderboards, one row a leaderboard and player.'
