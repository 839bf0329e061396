-- Players with their hardware, and the game's definition.
INSERT INTO players
(
    studio_id, game_id, player_id, build_id, region, hardware, properties, occurred_at, arrived_at, _partition,
    _offset, _index
)
SELECT
    studio_id, game_id, player_id, argMin(build_id, at_ms), 'eu',
    concat(
        '{"os":"', ['Windows', 'Windows', 'Linux', 'SteamOS', 'macOS'][1 + any(player) % 5], '","gpu":"',
        ['RTX 4090', 'RTX 3060', 'GTX 1050', 'Iris'][1 + any(player) % 4], '","cpu":"i5","ram":"16GB"}'
    ),
    '{}', fromUnixTimestamp64Milli(min(at_ms), 'UTC'), fromUnixTimestamp64Milli(min(at_ms), 'UTC'), 0, min(number), 0
FROM bench_sessions GROUP BY studio_id, game_id, player_id
;;
INSERT INTO studio_games
(
    studio_id, game_id, slug, name, created_at, changed_at, definition_version, heatmap_axes, forms, funnels, catalog,
    events, _offset
)
SELECT
    {studio:String}, {game:String}, 'bench', 'Bench', fromUnixTimestamp64Milli({begin:Int64}, 'UTC'),
    fromUnixTimestamp64Milli({begin:Int64}, 'UTC'), 1, 'xy', '[]', '[]', '{}', '[]', 0
