-- Leaderboard without cheats: who leads the latest board of each event, without those who gain too much at once?
--
-- Left out are the players that cheat_hunt names by the same `times`. `place` counts those who are left; `rank` is the
-- frozen one, NULL while the board is open. Higher scores lead: an event whose order is asc takes ORDER BY score.
-- Parameters: game (game_id), times (how many times the median of gains stands out).
WITH largest AS
(
    SELECT event_key, player_id, max(gain) AS largest_gain
    FROM
    (
        SELECT
            event_key, player_id,
            attempt_score - lagInFrame(attempt_score, 1, 0) OVER (
                PARTITION BY event_key, player_id, attempt_id ORDER BY at, attempt_score
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) AS gain
        FROM scores
        WHERE game_id = {game:String}
    )
    GROUP BY event_key, player_id
),
usual AS
(
    SELECT event_key, quantileExactInclusive(0.5)(largest_gain) AS median FROM largest GROUP BY event_key
)
SELECT
    event_key,
    board_id,
    row_number() OVER (PARTITION BY event_key ORDER BY score DESC, at, player_id) AS place,
    player_id,
    score,
    rank
FROM board_entries
WHERE game_id = {game:String} AND NOT is_bot
    AND (event_key, board_id) IN (
        SELECT event_key, argMax(board_id, at) FROM boards WHERE game_id = {game:String} GROUP BY event_key
    )
    AND (event_key, player_id) NOT IN (
        SELECT event_key, player_id
        FROM largest JOIN usual USING (event_key)
        WHERE largest_gain > median * {times:Float64}
    )
ORDER BY event_key, place
LIMIT 100 BY event_key
