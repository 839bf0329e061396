-- Experiments: who met which variant, and what became of them?
--
-- A player belongs to the first variant that a session said; `mixed` players met another one later, which is a fault
-- of the game. Sessions count from that one on. `returned` began one more than 24 hours after it. How sure a
-- difference is the API's comparison says.
-- Parameters: game (game_id).
SELECT
    experiment_id,
    variant,
    count() AS players,
    countIf(variants > 1) AS mixed,
    round(sum(since) / players, 3) AS sessions_a_player,
    round(sum(seconds) / sum(since), 1) AS mean_seconds,
    countIf(later > 0) AS returned,
    round(returned / players, 4) AS rate
FROM
(
    SELECT
        e.experiment_id AS experiment_id, e.player_id AS player_id, any(e.variant) AS variant,
        any(e.variants) AS variants, count() AS since, sum(s.duration_seconds) AS seconds,
        countIf(s.at > e.at + INTERVAL 1 DAY) AS later
    FROM experiment_exposures AS e
    JOIN sessions AS s ON s.game_id = e.game_id AND s.player_id = e.player_id
    WHERE e.game_id = {game:String} AND s.at >= e.at
    GROUP BY experiment_id, player_id
)
GROUP BY experiment_id, variant
ORDER BY experiment_id, variant
