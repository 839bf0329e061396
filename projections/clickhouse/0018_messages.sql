-- What was written in the Discord threads that sessions were made of: their transcripts.
CREATE TABLE IF NOT EXISTS messages
(
    studio_id   LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id     LowCardinality(String) COMMENT 'Game',
    session_id  String COMMENT 'Session of the thread',
    player_id   String COMMENT 'deviceId of the session: the thread',
    number      Int64 COMMENT 'Position in its session by arrival, from 1',
    message_id  String COMMENT 'Id as sent, which is Discord''s',
    author      String COMMENT 'Who wrote it, as sent',
    text        String COMMENT 'What was written',
    occurred_at DateTime64(3, 'UTC') COMMENT 'timestamp as sent',
    arrived_at  DateTime64(3, 'UTC') COMMENT 'LogAppendTime',
    _partition  UInt16 COMMENT 'Log partition',
    _offset     UInt64 COMMENT 'Log offset',
    _index      UInt32 COMMENT 'Part within the record',
    _rank       UInt64 COMMENT 'Falls as the log goes on, so that of a repeat the first wins'
)
ENGINE = ReplacingMergeTree(_rank) ORDER BY (studio_id, game_id, session_id, number)
SETTINGS non_replicated_deduplication_window = 10000, auto_statistics_types = ''
COMMENT 'Messages of Discord threads, each also an event discord_message of its session. Read with FINAL.'
