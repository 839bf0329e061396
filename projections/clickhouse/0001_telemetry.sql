-- Facts of the telemetry noun. Statements are separated by a line that holds only two semicolons.
-- Every fact row carries the log position it came from: (_partition, _offset, _index[, _point]).
CREATE TABLE IF NOT EXISTS events
(
    studio_id    LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id      LowCardinality(String) COMMENT 'Game the event belongs to',
    build_id     LowCardinality(String) COMMENT 'Build: S4 build_id, S1 metadata.gameVersion',
    environment  LowCardinality(String) COMMENT 'Environment slug; production where none was sent',
    source       LowCardinality(String) COMMENT 'unity-telemetry, unreal-telemetry, godot-telemetry, python-telemetry, typescript-telemetry, …',
    event_name   LowCardinality(String) COMMENT 'Name of the event as sent',
    session_id   String COMMENT 'Session id as the client sent it',
    player_id    String COMMENT 'S4 player_id, S1 deviceId',
    room         LowCardinality(String) COMMENT 'S4 level_id, S1 room; empty where none was sent',
    x            Nullable(Float64) COMMENT 'First coordinate of the event, where it has one',
    y            Nullable(Float64) COMMENT 'Second coordinate',
    z            Nullable(Float64) COMMENT 'Third coordinate',
    input_method LowCardinality(String) COMMENT 'S4 input_method; empty where none was sent',
    occurred_at  DateTime64(3, 'UTC') COMMENT 'When it happened, by the client',
    arrived_at   DateTime64(3, 'UTC') COMMENT 'When the log took it (LogAppendTime)',
    properties   String COMMENT 'JSON: custom_data or props, and every extra field',
    seq          Nullable(Int64) COMMENT 'S1 seq where the client sent one',
    identity     UInt128 COMMENT 'S1 identity for repeats (hash of seq, or of time, name, content and ordinal); 0 on S4',
    _partition   UInt16 COMMENT 'Log partition',
    _offset      UInt64 COMMENT 'Log offset',
    _index       UInt32 COMMENT 'Item within the record',
    PROJECTION by_minute
    (
        SELECT studio_id, game_id, build_id, environment, event_name, toStartOfMinute(occurred_at), count()
        GROUP BY studio_id, game_id, build_id, environment, event_name, toStartOfMinute(occurred_at)
    )
)
ENGINE = MergeTree PARTITION BY toYYYYMMDD(arrived_at)
ORDER BY (studio_id, game_id, session_id, occurred_at, _partition, _offset, _index)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Named happenings: S4 gameplay events and S1 events. player_pos with coordinates is in positions, funnel steps in funnel_steps.'
;;
CREATE TABLE IF NOT EXISTS positions
(
    studio_id   LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id     LowCardinality(String) COMMENT 'Game',
    build_id    LowCardinality(String) COMMENT 'Build',
    environment LowCardinality(String) COMMENT 'Environment slug',
    source      LowCardinality(String) COMMENT 'Telemetry source',
    room        LowCardinality(String) COMMENT 'Room: S1 room, S4 level_id, else unknown',
    session_id  String COMMENT 'Session id as sent',
    player_id   String COMMENT 'S4 player_id, S1 deviceId',
    x           Float64 COMMENT 'First coordinate',
    y           Float64 COMMENT 'Second coordinate',
    z           Float64 COMMENT 'Third coordinate; 0 where none was sent',
    occurred_at DateTime64(3, 'UTC') COMMENT 'When; interpolated between a trajectory''s start and end',
    arrived_at  DateTime64(3, 'UTC') COMMENT 'LogAppendTime',
    properties  String COMMENT 'JSON of an S1 player_pos; empty for trajectory points',
    seq         Nullable(Int64) COMMENT 'S1 seq',
    identity    UInt128 COMMENT 'S1 identity for repeats; 0 on S4',
    _partition  UInt16 COMMENT 'Log partition',
    _offset     UInt64 COMMENT 'Log offset',
    _index      UInt32 COMMENT 'Item within the record',
    _point      UInt32 COMMENT 'Point within the trajectory; 0 for S1',
    INDEX by_offset _offset TYPE minmax GRANULARITY 1,
    PROJECTION bounds
    (
        SELECT studio_id, game_id, build_id, environment, source, room, _partition,
               min(x), max(x), min(y), max(y), min(z), max(z), count(), max(_offset)
        GROUP BY studio_id, game_id, build_id, environment, source, room, _partition
    )
)
ENGINE = MergeTree PARTITION BY toYYYYMMDD(arrived_at)
ORDER BY (studio_id, game_id, room, build_id, environment, occurred_at)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'player_pos points: every S1 player_pos with finite x and y, and every point of every S4 trajectory.'
;;
CREATE TABLE IF NOT EXISTS funnel_steps
(
    studio_id LowCardinality(String) COMMENT 'Studio', game_id LowCardinality(String) COMMENT 'Game',
    build_id LowCardinality(String) COMMENT 'Build', environment LowCardinality(String) COMMENT 'Environment slug',
    source LowCardinality(String) COMMENT 'Telemetry source',
    step_name LowCardinality(String) COMMENT 'funnel_step_name as sent',
    session_id String COMMENT 'Session id as sent', player_id String COMMENT 'Player', room LowCardinality(String) COMMENT 'level_id',
    occurred_at DateTime64(3, 'UTC') COMMENT 'When, by the client', arrived_at DateTime64(3, 'UTC') COMMENT 'LogAppendTime',
    properties String COMMENT 'JSON: every extra field',
    _partition UInt16 COMMENT 'Log partition', _offset UInt64 COMMENT 'Log offset', _index UInt32 COMMENT 'Item within the record'
)
ENGINE = MergeTree PARTITION BY toYYYYMMDD(arrived_at)
ORDER BY (studio_id, game_id, step_name, occurred_at)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'S4 funnel steps.'
;;
CREATE TABLE IF NOT EXISTS performance
(
    studio_id LowCardinality(String) COMMENT 'Studio', game_id LowCardinality(String) COMMENT 'Game',
    build_id LowCardinality(String) COMMENT 'Build', environment LowCardinality(String) COMMENT 'Environment slug',
    source LowCardinality(String) COMMENT 'Telemetry source',
    session_id String COMMENT 'Session id as sent', player_id String COMMENT 'Player', room LowCardinality(String) COMMENT 'level_id, else unknown',
    status LowCardinality(String) COMMENT 'S4 status', input_method LowCardinality(String) COMMENT 'S4 input_method',
    fps_mean Nullable(Float64) COMMENT 'fps.mean', fps_low_5 Nullable(Float64) COMMENT 'fps.low_5', fps_low_1 Nullable(Float64) COMMENT 'fps.low_1',
    points UInt32 COMMENT 'How many points the trajectory held',
    started_at DateTime64(3, 'UTC') COMMENT 'timestamp_start', ended_at DateTime64(3, 'UTC') COMMENT 'timestamp_end',
    arrived_at DateTime64(3, 'UTC') COMMENT 'LogAppendTime',
    properties String COMMENT 'JSON: every extra field',
    _partition UInt16 COMMENT 'Log partition', _offset UInt64 COMMENT 'Log offset', _index UInt32 COMMENT 'Item within the record'
)
ENGINE = MergeTree PARTITION BY toYYYYMMDD(arrived_at)
ORDER BY (studio_id, game_id, build_id, started_at)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'One row for each S4 trajectory: frame rates and input; its points are in positions.'
;;
CREATE TABLE IF NOT EXISTS players
(
    studio_id LowCardinality(String) COMMENT 'Studio', game_id LowCardinality(String) COMMENT 'Game', player_id String COMMENT 'Player',
    build_id LowCardinality(String) COMMENT 'Build of the latest Create_Player', region LowCardinality(String) COMMENT 'region as sent',
    hardware String COMMENT 'JSON of hardware', properties String COMMENT 'JSON: every extra field',
    occurred_at DateTime64(3, 'UTC') COMMENT 'When, by the client', arrived_at DateTime64(3, 'UTC') COMMENT 'LogAppendTime',
    _partition UInt16 COMMENT 'Log partition', _offset UInt64 COMMENT 'Log offset', _index UInt32 COMMENT 'Item within the record'
)
ENGINE = ReplacingMergeTree(occurred_at) ORDER BY (studio_id, game_id, player_id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Latest Create_Player of each player. Read with FINAL.'
;;
CREATE TABLE IF NOT EXISTS session_parts
(
    studio_id LowCardinality(String) COMMENT 'Studio', game_id LowCardinality(String) COMMENT 'Game', session_id String COMMENT 'Session id as sent',
    player_id String COMMENT 'deviceId or player_id', tester_handle String COMMENT 'testerHandle, else the device id',
    title String COMMENT 'title as sent', source LowCardinality(String) COMMENT 'Telemetry source',
    build_id LowCardinality(String) COMMENT 'Build', environment LowCardinality(String) COMMENT 'Environment slug', platform LowCardinality(String) COMMENT 'metadata.platform',
    metadata String COMMENT 'JSON of metadata as sent', experiments String COMMENT 'JSON of experiment tags as sent',
    country String COMMENT 'From the proxy''s headers; empty where unknown', region String COMMENT 'From the proxy''s headers; empty where unknown', city String COMMENT 'From the proxy''s headers; empty where unknown',
    started_at Nullable(DateTime64(3, 'UTC')) COMMENT 'startedAt as sent',
    first_event_at DateTime64(3, 'UTC') COMMENT 'Time of the first event', last_event_at DateTime64(3, 'UTC') COMMENT 'Time of the last event',
    first_arrived_at DateTime64(3, 'UTC') COMMENT 'LogAppendTime of the first record',
    event_counts Map(String, UInt64) COMMENT 'How many events of each name',
    spans Array(Tuple(Int64, Int64)) COMMENT 'Maximal runs of events with gaps of at most 30 s, unix ms; active time is the sum of their lengths',
    span_events Array(Tuple(UInt64, UInt32, UInt64, UInt32)) COMMENT 'Beside each span: log offset and index of its first and of its last event',
    ended UInt8 COMMENT '1 once ended: true was sent', closed UInt8 COMMENT '1 once ended or due',
    _partition UInt16 COMMENT 'Log partition', _version UInt64 COMMENT 'Log offset plus 1 of the last record folded in'
)
ENGINE = ReplacingMergeTree(_version) ORDER BY (studio_id, game_id, session_id, _partition)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'What one log partition knows of a session. Read the view sessions, which joins the parts.'
;;
CREATE TABLE IF NOT EXISTS insights
(
    studio_id LowCardinality(String) COMMENT 'Studio', game_id LowCardinality(String) COMMENT 'Game', session_id String COMMENT 'Session id as sent',
    insight_id String COMMENT 'ins_ and a hash of session, rule and first event', type LowCardinality(String) COMMENT 'Rule', sentiment LowCardinality(String) COMMENT 'positive, neutral or negative',
    confidence Float64 COMMENT '0 to 1', evidence String COMMENT 'A sentence', event_ids Array(String) COMMENT 'partition-offset-index of the events it rests on',
    build_id LowCardinality(String) COMMENT 'Build', environment LowCardinality(String) COMMENT 'Environment slug',
    created_at DateTime64(3, 'UTC') COMMENT 'The session''s end', removed UInt8 COMMENT '1 where a later analysis no longer finds it',
    _version UInt64 COMMENT 'Analysis number; the highest wins'
)
ENGINE = ReplacingMergeTree(_version) ORDER BY (studio_id, game_id, session_id, insight_id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Rule-based findings of finished sessions. Read with FINAL and removed = 0; session-summary marks a session as analyzed.'
;;
CREATE TABLE IF NOT EXISTS feedback
(
    studio_id LowCardinality(String) COMMENT 'Studio', game_id LowCardinality(String) COMMENT 'Game', form_id LowCardinality(String) COMMENT 'Feedback form',
    submission_id String COMMENT 'submissionId as sent', session_id String COMMENT 'Session id as sent', player_id String COMMENT 'deviceId',
    answers String COMMENT 'JSON list of {fieldId, value}', arrived_at DateTime64(3, 'UTC') COMMENT 'LogAppendTime',
    _partition UInt16 COMMENT 'Log partition', _offset UInt64 COMMENT 'Log offset', _index UInt32 COMMENT 'Part within the record',
    _rank UInt64 COMMENT 'Falls as the log goes on, so that the first submission wins'
)
ENGINE = ReplacingMergeTree(_rank) ORDER BY (studio_id, game_id, form_id, submission_id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Player feedback; a repeated submission counts once. Read with FINAL.'
;;
CREATE TABLE IF NOT EXISTS models
(
    studio_id LowCardinality(String) COMMENT 'Studio', game_id LowCardinality(String) COMMENT 'Game', model_id String COMMENT 'Id', app_name String COMMENT 'Label as sent',
    level_name String COMMENT 'Level', size UInt64 COMMENT 'Bytes', sha256 String COMMENT 'Hex digest', object String COMMENT 'Key in the object store',
    arrived_at DateTime64(3, 'UTC') COMMENT 'LogAppendTime', _partition UInt16 COMMENT 'Log partition', _offset UInt64 COMMENT 'Log offset', _index UInt32 COMMENT 'Part within the record'
)
ENGINE = ReplacingMergeTree ORDER BY (studio_id, game_id, model_id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Uploaded level models.'
;;
CREATE TABLE IF NOT EXISTS log_positions
(
    topic LowCardinality(String) COMMENT 'Topic', partition UInt16 COMMENT 'Partition', next_offset UInt64 COMMENT 'Everything before it is in every table',
    log_id String COMMENT 'Identity of the log', log_time DateTime64(3, 'UTC') COMMENT 'LogAppendTime of the last record applied', written_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When'
)
ENGINE = ReplacingMergeTree(next_offset) ORDER BY (topic, partition)
COMMENT 'How far the log has been applied, written after all tables of a cut have acknowledged. Read with FINAL.'
;;
CREATE TABLE IF NOT EXISTS generations
(
    generation String COMMENT 'Random name of this set of tables', made_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When it was made'
)
ENGINE = MergeTree ORDER BY made_at
COMMENT 'Names this set of tables. A rebuild swaps it first, so that a projector which still works on the old set can write no position into the new one.'
;;
CREATE TABLE IF NOT EXISTS holds
(
    topic LowCardinality(String) COMMENT 'Topic whose projectors wait', holder String COMMENT 'Who asked',
    until DateTime64(3, 'UTC') COMMENT 'When the hold lapses by itself; in the past once it is released', _version UInt64 COMMENT 'The latest wins'
)
ENGINE = ReplacingMergeTree(_version) ORDER BY topic
COMMENT 'A rebuild asks the projectors of a topic to wait before their next cut. Read with FINAL.'
;;
CREATE TABLE IF NOT EXISTS hold_answers
(
    topic LowCardinality(String) COMMENT 'Topic', partition UInt16 COMMENT 'Partition', holder String COMMENT 'Whose hold is obeyed',
    at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When'
)
ENGINE = ReplacingMergeTree(at) ORDER BY (topic, partition, holder)
TTL toDateTime(at) + INTERVAL 1 DAY
COMMENT 'Projectors that wait for a holder. Read with FINAL.'
;;
INSERT INTO generations (generation) SELECT toString(generateUUIDv4()) WHERE (SELECT count() FROM generations) = 0
