-- Steps of the funnels that games declare.
CREATE OR REPLACE VIEW views.funnel_definitions
(
    studio_id      LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id        String COMMENT 'Game; its slug and name are in games',
    funnel_key     String COMMENT 'Funnel',
    funnel_name    String COMMENT 'Its name',
    position       UInt32 COMMENT 'Place of the step, from 1',
    step           String COMMENT 'Name of an event or of a funnel step',
    window_minutes UInt32 COMMENT 'A player reaches steps within so many minutes of the first'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, funnel.key AS funnel_key, funnel.name AS funnel_name, position, step,
    funnel.windowMinutes AS window_minutes
FROM
(
    SELECT
        studio_id, game_id,
        arrayJoin(JSONExtract(funnels,
            'Array(Tuple(key String, name String, steps Array(String), windowMinutes UInt32))')) AS funnel
    FROM studio_games FINAL
)
ARRAY JOIN funnel.steps AS step, arrayEnumerate(funnel.steps) AS position
COMMENT 'Funnels that games declare, one row a step. In which order players really go is in funnels.'
