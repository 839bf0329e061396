-- Live-ops' whole history for analysts: what happened in its own words, and how every score came about.
-- Keyed by the place in the log, so that writing a row twice changes nothing; read with FINAL.
CREATE TABLE IF NOT EXISTS liveops_events
(
    studio_id   LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id     LowCardinality(String) COMMENT 'Game',
    external_id String COMMENT 'Player it is about; empty where it is about a window, a lobby or a board',
    event       LowCardinality(String) COMMENT 'Name and version, for example liveops.grant-claimed.v1',
    command_id  String COMMENT 'Command that it came from',
    data        String COMMENT 'The event as JSON, without secrets; JSONExtract reads it',
    at          DateTime64(3, 'UTC') COMMENT 'Effective time',
    _partition  UInt16 COMMENT 'Partition of liveops.events',
    _offset     UInt64 COMMENT 'Offset of its record',
    _index      UInt32 COMMENT 'Place in the record, from 0'
)
ENGINE = ReplacingMergeTree ORDER BY (game_id, external_id, _partition, _offset, _index)
SETTINGS auto_statistics_types = ''
COMMENT 'Every live-ops event: attempts, progress, grants, claims, crates, windows, lobbies. Read with FINAL.'
;;
CREATE TABLE IF NOT EXISTS liveops_scores
(
    studio_id        LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id          LowCardinality(String) COMMENT 'Game',
    event_key        LowCardinality(String) COMMENT 'Event',
    window_id        LowCardinality(String) COMMENT 'Window',
    board_id         String COMMENT 'Leaderboard',
    external_id      String COMMENT 'Player',
    attempt_id       String COMMENT 'Attempt that was progressed',
    attempt_score    Float64 COMMENT 'What the attempt comes to now',
    score            Float64 COMMENT 'What the leaderboard keeps for the player now',
    is_personal_best Bool COMMENT 'Whether this is better than all before on this leaderboard',
    at               DateTime64(3, 'UTC') COMMENT 'Effective time',
    _partition       UInt16 COMMENT 'Partition of liveops.events',
    _offset          UInt64 COMMENT 'Offset of its record',
    _index           UInt32 COMMENT 'Place in the record, from 0'
)
ENGINE = ReplacingMergeTree ORDER BY (game_id, board_id, external_id, _partition, _offset, _index)
SETTINGS auto_statistics_types = ''
COMMENT 'Every score that was reported, also those that moved no rank. Read with FINAL.'
