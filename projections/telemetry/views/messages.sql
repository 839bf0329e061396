-- Messages of Discord threads.
CREATE OR REPLACE VIEW views.messages
(
    studio_id  LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id    LowCardinality(String) COMMENT 'Game; its slug and name are in games',
    session_id String COMMENT 'Session, as in sessions',
    at         DateTime64(3, 'UTC') COMMENT 'When it was written',
    arrived_at DateTime64(3, 'UTC') COMMENT 'When the log took it',
    number     Int64 COMMENT 'Position in its session, from 1',
    message_id String COMMENT 'Discord''s id of it',
    author     String COMMENT 'Who wrote it, as sent',
    text       String COMMENT 'What was written'
)
SQL SECURITY INVOKER
AS
SELECT studio_id, game_id, session_id, occurred_at AS at, arrived_at, number, message_id, author, text
FROM messages FINAL
COMMENT 'Messages of Discord threads, one row each.'
