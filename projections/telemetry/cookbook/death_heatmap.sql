-- Deaths on a grid: where in a room do players die?
--
-- `left` and `lower` are a cell's lower corner, `cell` its side in the game's own unit. A game that is seen along other axes
-- (games.heatmap_axes) takes z for one of them. Other events than player_death go likewise.
-- Parameters: game (game_id), room (room), cell (unit of the game).
SELECT
    floor(x / {cell:Float64}) * {cell:Float64} AS left,
    floor(y / {cell:Float64}) * {cell:Float64} AS lower,
    count() AS deaths,
    uniqExact(player_id) AS players
FROM events
WHERE game_id = {game:String} AND event_name = 'player_death' AND room = {room:String} AND x IS NOT NULL
    AND y IS NOT NULL
GROUP BY left, lower
ORDER BY deaths DESC, left, lower
