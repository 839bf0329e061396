-- Active players: how many were there on a day, in the week and in the 30 days that end with it?
--
-- A player is active on the day (UTC) on which a session begins. The first 29 days of a game look back on fewer
-- days than there are in their window. `stickiness` is the daily players' share of the monthly ones.
-- Parameters: game (game_id), until (DateTime).
SELECT
    day,
    uniqExactIf(player_id, active_on = day) AS daily,
    uniqExactIf(player_id, active_on > day - 7) AS weekly,
    uniqExact(player_id) AS monthly,
    round(daily / monthly, 4) AS stickiness
FROM
(
    SELECT DISTINCT player_id, toDate(at) AS active_on FROM sessions WHERE game_id = {game:String}
)
ARRAY JOIN arrayMap(later -> active_on + later, range(30)) AS day
WHERE day <= toDate({until:DateTime})
GROUP BY day
ORDER BY day
