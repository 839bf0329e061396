-- Who met which variant, as games said.
CREATE OR REPLACE VIEW views.experiment_exposures
(
    studio_id     LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id       LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    player_id     String COMMENT 'Player: S4 player_id, S1 deviceId, live-ops externalId, which are one id where the game uses one',
    experiment_id String COMMENT 'Experiment',
    at            DateTime64(3, 'UTC') COMMENT 'When the first session with its tag began',
    variant       String COMMENT 'Variant that this session said',
    variants      UInt64 COMMENT 'How many different variants were said; more than 1 is a fault of the game',
    sessions      UInt64 COMMENT 'Sessions with its tag',
    build_id      String COMMENT 'Build of the first of them'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, player_id, tag.1 AS experiment_id,
    min(recorded_at) AS at,
    argMin(tag.2, (recorded_at, session_id)) AS variant,
    uniqExact(tag.2) AS variants,
    uniqExact(session_id) AS sessions,
    argMin(build_id, (recorded_at, session_id)) AS build_id
FROM
(
    SELECT
        studio_id, game_id, player_id, session_id, build_id, recorded_at,
        arrayJoin(JSONExtractKeysAndValues(experiments, 'String')) AS tag
    FROM sessions
    WHERE experiments NOT IN ('', '{}')
)
GROUP BY studio_id, game_id, player_id, experiment_id
COMMENT 'Exposures, one row a player and experiment, as games tagged their sessions. Which tags count is judged by the comparison in the API.'
