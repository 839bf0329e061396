-- Steps of funnels in the order in which players reach them, as the dashboard has it: no game declares one.
CREATE OR REPLACE VIEW views.funnels
(
    studio_id LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id   LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    step      String COMMENT 'Name of the step',
    position  UInt64 COMMENT 'Place in the funnel, from 1: a step stands before those that most players reached after it',
    players   UInt64 COMMENT 'Players who reached it',
    first_at  DateTime64(3, 'UTC') COMMENT 'When the first player reached it'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, step,
    row_number() OVER (PARTITION BY studio_id, game_id ORDER BY wins DESC, players DESC, step) AS position,
    players, first_at
FROM
(
    SELECT
        studio_id, game_id, step, sum(sign(first_here - first_there)) AS wins,
        max(reached) AS players, min(reached_at) AS first_at
    FROM
    (
        SELECT
            studio_id, game_id, pair.1 AS step, pair.2 AS other,
            countIf(pair.3 = 1) AS first_here, countIf(pair.3 = -1) AS first_there,
            countIf(pair.3 = 0) AS reached, minIf(pair.4, pair.3 = 0) AS reached_at
        FROM
        (
            SELECT
                studio_id, game_id,
                arrayJoin(arrayFlatten(arrayMap(
                    (one, place) -> arrayMap(
                        (two, there) -> (one.2, if(place = there, '', two.2), sign(there - place), one.1),
                        path, arrayEnumerate(path)
                    ),
                    path, arrayEnumerate(path)
                ))) AS pair
            FROM
            (
                SELECT studio_id, game_id, player_id, arraySort(groupArray((first, step))) AS path
                FROM
                (
                    SELECT studio_id, game_id, player_id, toString(step_name) AS step, min(occurred_at) AS first
                    FROM funnel_steps
                    GROUP BY studio_id, game_id, player_id, step
                )
                GROUP BY studio_id, game_id, player_id
            )
        )
        GROUP BY studio_id, game_id, step, other
    )
    GROUP BY studio_id, game_id, step
)
COMMENT 'Steps of each game''s funnel in their order, one row each.'
