-- Cheat hunt: who gains in one report many times what others do?
--
-- A gain is what an attempt came to after a report less what it came to before. `times` is a player's largest gain
-- in the median of all players' largest gains in the same event. What stands out is no proof: look at the player's
-- player_timeline next.
-- Parameters: game (game_id), times (how many times the median stands out).
WITH gains AS
(
    SELECT
        event_key, player_id, at,
        attempt_score - lagInFrame(attempt_score, 1, 0) OVER (
            PARTITION BY event_key, player_id, attempt_id ORDER BY at, attempt_score
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS gain
    FROM scores
    WHERE game_id = {game:String}
),
largest AS
(
    SELECT event_key, player_id, max(gain) AS largest_gain, argMax(at, gain) AS gained_at
    FROM gains
    GROUP BY event_key, player_id
)
SELECT
    event_key,
    player_id,
    gained_at,
    largest_gain,
    round(largest_gain / usual, 2) AS times
FROM largest
JOIN
(
    SELECT event_key, quantileExactInclusive(0.5)(largest_gain) AS usual FROM largest GROUP BY event_key
) AS others USING (event_key)
WHERE largest_gain > usual * {times:Float64}
ORDER BY times DESC, player_id
