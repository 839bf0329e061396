-- Retention: of the players who came on a day, how many came back on the Nth day after.
--
-- A player comes on the day of the first session. Day N is the 24 hours that begin N times 24 hours after that
-- session began. A player counts for a day once that day is over: younger ones are not eligible, so that the
-- rate of the last days is not too low. `until` is where the data ends, most often now().
-- Parameters: game (game_id), until (DateTime).
WITH first AS
(
    SELECT player_id, min(at) AS came_at
    FROM sessions
    WHERE game_id = {game:String}
    GROUP BY player_id
)
SELECT
    day,
    uniqExactIf(f.player_id, came_at + INTERVAL day + 1 DAY <= {until:DateTime}) AS eligible,
    uniqExactIf(
        f.player_id,
        came_at + INTERVAL day + 1 DAY <= {until:DateTime}
            AND s.at >= came_at + INTERVAL day DAY AND s.at < came_at + INTERVAL day + 1 DAY
    ) AS retained,
    if(eligible = 0, NULL, round(retained / eligible, 4)) AS rate
FROM first AS f
JOIN (SELECT player_id, at FROM sessions WHERE game_id = {game:String}) AS s ON s.player_id = f.player_id
ARRAY JOIN [1, 3, 7] AS day
GROUP BY day
ORDER BY day
