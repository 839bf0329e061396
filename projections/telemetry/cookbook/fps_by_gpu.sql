-- Frame rates by GPU: which hardware suffers, and how badly at its worst?
--
-- The mean is weighted by the points of each trajectory, so that a long one counts for more; `worst` is the
-- lowest of the slowest 1 % of frames. The GPU is the player's latest.
-- Parameters: game (game_id).
SELECT
    p.gpu AS gpu,
    uniqExact(f.player_id) AS players,
    count() AS trajectories,
    round(sum(f.fps_mean * f.points) / sum(f.points), 3) AS fps_mean,
    round(min(f.fps_low_1), 3) AS worst
FROM performance AS f
JOIN players AS p ON p.game_id = f.game_id AND p.player_id = f.player_id
WHERE f.game_id = {game:String} AND f.fps_mean IS NOT NULL
GROUP BY gpu
ORDER BY fps_mean
