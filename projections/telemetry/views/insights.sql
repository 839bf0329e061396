-- What rules found in sessions, without what they find no longer.
CREATE OR REPLACE VIEW views.insights
(
    studio_id   LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id     LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    player_id   String COMMENT 'Player: S4 player_id, S1 deviceId, live-ops externalId, which are one id where the game uses one',
    session_id  String COMMENT 'Session, as in sessions',
    at          DateTime64(3, 'UTC') COMMENT 'When the session began',
    insight_id  String COMMENT 'Its id, as the API has it',
    type        LowCardinality(String) COMMENT 'Rule, such as stuck-point; session-summary: the session is analyzed',
    sentiment   LowCardinality(String) COMMENT 'positive, neutral or negative',
    confidence  Float64 COMMENT '0 to 1',
    place       String COMMENT 'Room or level that it is about; empty where none',
    tag         String COMMENT 'The place and what was found, as one word',
    evidence    String COMMENT 'A sentence that says what it rests on',
    build_id    LowCardinality(String) COMMENT 'Build that the client said; its place in the order is in builds',
    environment LowCardinality(String) COMMENT 'Environment slug; production where none was sent'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, player_id, session_id, recorded_at AS at, insight_id, type, sentiment, confidence, place, tag,
    evidence, build_id, environment
FROM insights FINAL
WHERE removed = 0
COMMENT 'Findings in finished sessions, one row each.'
