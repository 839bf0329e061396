-- Feedback, one row an answer.
CREATE OR REPLACE VIEW views.feedback_answers
(
    studio_id     LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id       LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    player_id     String COMMENT 'Player: S4 player_id, S1 deviceId, live-ops externalId, which are one id where the game uses one',
    session_id    String COMMENT 'Session, as in sessions',
    at            DateTime64(3, 'UTC') COMMENT 'When the log took the submission',
    form_id       LowCardinality(String) COMMENT 'Form; its fields with their labels are in form_fields',
    submission_id String COMMENT 'Submission, as sent',
    field_id      String COMMENT 'Field of the form',
    answer        String COMMENT 'The answer as a text; several choices as a JSON list',
    number        Nullable(Float64) COMMENT 'The answer as a number, of ratings; NULL where it is none'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, player_id, session_id, arrived_at AS at, form_id, submission_id,
    one.1 AS field_id, one.2 AS answer, toFloat64OrNull(one.2) AS number
FROM feedback FINAL
ARRAY JOIN JSONExtract(answers, 'Array(Tuple(fieldId String, value String))') AS one
COMMENT 'Answers to feedback forms, one row an answer; a submission that was sent again counts once.'
