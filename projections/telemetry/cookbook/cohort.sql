-- Cohorts by week: of those who came in a week, how many were there in each week after.
--
-- Weeks begin on Monday, UTC. `week` 0 is the week in which the cohort came.
-- Parameters: game (game_id).
WITH first AS
(
    SELECT player_id, toMonday(min(at)) AS cohort
    FROM sessions
    WHERE game_id = {game:String}
    GROUP BY player_id
)
SELECT
    f.cohort AS cohort,
    intDiv(toMonday(s.at) - f.cohort, 7) AS week,
    uniqExact(s.player_id) AS players
FROM sessions AS s
JOIN first AS f ON f.player_id = s.player_id
WHERE s.game_id = {game:String}
GROUP BY cohort, week
ORDER BY cohort, week
