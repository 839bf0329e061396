-- Live-ops events as games define them.
CREATE OR REPLACE VIEW views.liveops_definitions
(
    studio_id     LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id       String COMMENT 'Game; its slug and name are in games',
    event_key     String COMMENT 'Event, as in attempts and scores',
    name          String COMMENT 'Its name',
    mode          String COMMENT 'global, grouped or segmented',
    order         String COMMENT 'desc: the highest score is first; asc: the lowest',
    keep          String COMMENT 'Which score counts: best, last or sum',
    score_formula String COMMENT 'How metrics come to a score'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, event.eventKey AS event_key, event.name AS name, event.mode AS mode, event.order AS order,
    event.keep AS keep, event.scoreFormula AS score_formula
FROM studio_games FINAL
ARRAY JOIN JSONExtract(events, 'Array(Tuple(eventKey String, name String, mode String, order String, keep String,
    scoreFormula String))') AS event
COMMENT 'Live-ops events, one row each, as definitions have them now.'
