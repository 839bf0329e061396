-- Crate odds: does each row of a crate's table come out as often as its weight says?
--
-- `expected` is the row's chance, `observed` its share of the openings of the same table. `z` says how many standard
-- deviations lie between: beyond 4 is no chance any more.
-- Parameters: game (game_id).
WITH drawn AS
(
    SELECT table_version, row, chance, count() AS openings
    FROM crate_openings
    WHERE game_id = {game:String} AND chance IS NOT NULL
    GROUP BY table_version, row, chance
)
SELECT
    table_version,
    row,
    openings,
    round(chance, 4) AS expected,
    round(openings / sum(openings) OVER (PARTITION BY table_version), 4) AS observed,
    round((openings - all_openings * chance) / sqrt(all_openings * chance * (1 - chance)), 3) AS z
FROM
(
    SELECT *, sum(openings) OVER (PARTITION BY table_version) AS all_openings FROM drawn
)
ORDER BY table_version, row
