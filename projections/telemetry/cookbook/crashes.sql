-- Crashes and frame rates by platform: where does the game run badly?
--
-- A session has crashed when an event of it is called crash. The frame rate is the mean of trajectories weighted by
-- their points, `worst` the lowest of the slowest 1 % of frames; NULL where none were sent.
-- Parameters: game (game_id).
SELECT s.platform AS platform, s.sessions AS sessions, s.crashed AS crashed, s.rate AS rate, f.fps_mean AS fps_mean,
    f.worst AS worst
FROM
(
    SELECT platform, count() AS sessions, countIf(crashes > 0) AS crashed, round(crashed / sessions, 4) AS rate
    FROM sessions
    WHERE game_id = {game:String}
    GROUP BY platform
) AS s
LEFT JOIN
(
    SELECT
        p.platform AS platform,
        round(sum(f.fps_mean * f.points) / sum(f.points), 3) AS fps_mean,
        round(min(f.fps_low_1), 3) AS worst
    FROM performance AS f
    JOIN players AS p ON p.game_id = f.game_id AND p.player_id = f.player_id
    WHERE f.game_id = {game:String} AND f.fps_mean IS NOT NULL
    GROUP BY platform
) AS f ON f.platform = s.platform
ORDER BY sessions DESC, platform
