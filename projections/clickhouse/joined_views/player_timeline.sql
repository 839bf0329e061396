-- Everything of a player in order. `nouns` stands for the SELECTs of all nouns.
CREATE OR REPLACE VIEW views.player_timeline
(
    studio_id  LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id    LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    player_id  String COMMENT 'Player: S4 player_id, S1 deviceId, live-ops externalId, which are one id where the game uses one',
    at         DateTime64(3, 'UTC') COMMENT 'When it happened',
    noun       String COMMENT 'Which part of the game''s backend: telemetry, liveops or playtests',
    kind       String COMMENT 'What it is, such as event, session-started, attempt-completed, grant-claimed',
    name       String COMMENT 'Its name: of an event, a funnel step, a room, a live-ops event, a currency',
    session_id String COMMENT 'Session; empty where it is in none',
    details    String COMMENT 'All else as JSON; empty where there is none'
)
SQL SECURITY INVOKER
AS
SELECT studio_id, game_id, player_id, at, noun, kind, name, session_id, details
FROM nouns
COMMENT 'Everything of players across nouns, one row each. Ask for one player_id, ORDER BY at.'
