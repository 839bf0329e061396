-- Churn by build: on which build do players stop?
--
-- A player belongs to the build of the last session. One who was last seen more than seven days before `until`
-- has churned. Builds stand in their order, which is not that of texts: 0.9 comes before 0.10.
-- Parameters: game (game_id), until (DateTime).
SELECT
    b.position AS position,
    b.build_id AS build_id,
    count() AS players,
    countIf(p.last_seen_at < {until:DateTime} - INTERVAL 7 DAY) AS churned,
    round(churned / players, 4) AS rate
FROM players AS p
JOIN builds AS b ON b.game_id = p.game_id AND b.build_id = p.last_build_id
WHERE p.game_id = {game:String} AND p.sessions > 0
GROUP BY position, build_id
ORDER BY position
