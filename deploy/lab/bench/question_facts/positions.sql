-- Points of one day's trajectories: as many as events.
INSERT INTO positions
(
    studio_id, game_id, build_id, environment, source, room, session_id, player_id, x, y, z, occurred_at, arrived_at,
    properties, identity, _partition, _offset, _index, _point
)
WITH
    sipHash64(number, place, 'point') AS any,
    at_ms + place * pace_ms + intDiv(place, 25) * 45000 AS happened_ms
SELECT
    studio_id, game_id, build_id, 'production', 'unity-telemetry',
    concat('E1M', toString(1 + intDiv(place * (reach + 1), events))), session_id, player_id,
    (any % 997 + intDiv(any, 997) % 997) / 2, (intDiv(any, 1000000) % 997 + intDiv(any, 1000000000) % 997) / 2, 0,
    fromUnixTimestamp64Milli(happened_ms, 'UTC'), fromUnixTimestamp64Milli(happened_ms + any % 3000, 'UTC'),
    '', 0, 0, number, intDiv(place, 10), place % 10
FROM bench_sessions ARRAY JOIN range(events) AS place
WHERE day = {day:UInt16}
;;
INSERT INTO performance
(
    studio_id, game_id, build_id, environment, source, session_id, player_id, room, status, input_method, fps_mean,
    fps_low_5, fps_low_1, points, started_at, ended_at, arrived_at, properties, _partition, _offset, _index
)
WITH
    at_ms + 10 * trajectory * pace_ms + intDiv(10 * trajectory, 25) * 45000 AS began_ms,
    [144., 60., 45., 30.][1 + player % 4] * (0.8 + sipHash64(number, trajectory) % 400 / 1000) AS mean
SELECT
    studio_id, game_id, build_id, 'production', 'unity-telemetry', session_id, player_id,
    concat('E1M', toString(1 + intDiv(10 * trajectory * (reach + 1), events))), 'Gameplay', 'keyboard', mean,
    mean / 2, mean / 3, 10, fromUnixTimestamp64Milli(began_ms, 'UTC'),
    fromUnixTimestamp64Milli(began_ms + 9 * pace_ms, 'UTC'), fromUnixTimestamp64Milli(began_ms + 9 * pace_ms, 'UTC'),
    '{}', 0, number, trajectory
FROM bench_sessions ARRAY JOIN range(intDiv(events + 9, 10)) AS trajectory
WHERE day = {day:UInt16}
