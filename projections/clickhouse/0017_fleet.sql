-- The fleet: servers, builds and hosts as they are now, what became of servers, and all of it for analysts. A row
-- says by its key which thing it is about and by _offset up to which record; read with FINAL. Left out are
-- environment values, arguments of processes, credentials, and settings that hold JSON of the client's own.
CREATE TABLE IF NOT EXISTS fleet_servers
(
    studio_id          LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id            LowCardinality(String) COMMENT 'Game, which is the project of the server',
    instance_id        String COMMENT 'Server',
    name               String COMMENT 'Its name; that of a pool server changes when it is claimed',
    status             LowCardinality(String) COMMENT 'launching, running or stopped, as the API shows it',
    phase              LowCardinality(String) COMMENT 'queued, starting, running, backoff, stopping or stopped',
    region             LowCardinality(String) COMMENT 'Region',
    compute_size       LowCardinality(String) COMMENT 'Size, such as small or persistent-large',
    build_id           String COMMENT 'Build it runs',
    version_tag        LowCardinality(String) COMMENT 'Name of that build',
    version            UInt32 COMMENT 'Version of that build, from 1',
    match_id           String COMMENT 'Match it is for; empty where none',
    custom_data        String COMMENT 'What its owner keeps with it: a JSON object; empty where none',
    is_pool_server     Bool COMMENT 'Whether it was made for the pool, claimed or not',
    pool_claimed_at    Nullable(DateTime64(3, 'UTC')) COMMENT 'When a start took it from the pool',
    auto_restart       Bool COMMENT 'Whether it is started again when it ends unasked',
    ttl_seconds        Nullable(UInt32) COMMENT 'How long it may live; NULL: for ever',
    expires_at         Nullable(DateTime64(3, 'UTC')) COMMENT 'When it is stopped because of that',
    attempt            UInt32 COMMENT 'How often it was placed on a host; 0 while it never was',
    host_id            LowCardinality(String) COMMENT 'Host of its attempt, or of the last one; empty where none',
    isolation          LowCardinality(String) COMMENT 'container or process; empty where it was never placed',
    address            String COMMENT 'Where players reach it; empty where it has no ports',
    external_ports     Array(UInt16) COMMENT 'Its ports there, in the order of its configuration',
    created_at         DateTime64(3, 'UTC') COMMENT 'When it was asked for',
    updated_at         DateTime64(3, 'UTC') COMMENT 'When it last changed',
    process_started_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the process of this attempt began',
    ready_at           Nullable(DateTime64(3, 'UTC')) COMMENT 'When this attempt was ready for players',
    stopped_at         Nullable(DateTime64(3, 'UTC')) COMMENT 'When its stop was decided',
    stop_reason        String COMMENT 'Why it was stopped: a code such as TTL_EXPIRED, or the client''s words',
    exit_code          Nullable(Int32) COMMENT 'Of the last attempt that ended; a signal n is 128 + n',
    _offset            UInt64 COMMENT 'Offset of the last record of fleet.events that changed it'
)
ENGINE = ReplacingMergeTree(_offset) ORDER BY (studio_id, game_id, instance_id)
SETTINGS auto_statistics_types = ''
COMMENT 'Every game server that was ever started, as it is now. Read with FINAL.'
;;
CREATE TABLE IF NOT EXISTS fleet_transitions
(
    studio_id    LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id      LowCardinality(String) COMMENT 'Game, which is the project of the server',
    instance_id  String COMMENT 'Server',
    at           DateTime64(3, 'UTC') COMMENT 'When it was decided',
    event        LowCardinality(String) COMMENT 'What happened: placed, queued, claimed, started, ready, exited, stopping, stopped, restarting or updated',
    phase        LowCardinality(String) COMMENT 'Phase that it has since: queued, starting, running, backoff, stopping or stopped',
    attempt      UInt32 COMMENT 'Attempt it is about; 0 before the first',
    host_id      LowCardinality(String) COMMENT 'Host of that attempt; empty where none',
    region       LowCardinality(String) COMMENT 'Region',
    compute_size LowCardinality(String) COMMENT 'Size',
    build_id     String COMMENT 'Build it runs',
    match_id     String COMMENT 'Match it is for; empty where none',
    reason       String COMMENT 'Of exited why the attempt ended, of stopping and stopped why the server does; else empty',
    exit_code    Nullable(Int32) COMMENT 'Of exited and stopped: of the attempt that ended',
    failures     UInt32 COMMENT 'Of exited: ends since it was last up for 10 minutes, which the pause follows from',
    quick_exits  UInt32 COMMENT 'Of exited: ends in a row within 60 s of their starts; five are a crash loop',
    _partition   UInt16 COMMENT 'Partition of fleet.events',
    _offset      UInt64 COMMENT 'Offset of its record',
    _index       UInt32 COMMENT 'Place in the record, from 0'
)
ENGINE = ReplacingMergeTree ORDER BY (studio_id, game_id, instance_id, _partition, _offset, _index)
SETTINGS auto_statistics_types = ''
COMMENT 'Everything that ever happened to game servers, in the order of their keys. Read with FINAL.'
;;
CREATE TABLE IF NOT EXISTS fleet_builds
(
    studio_id       LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id         LowCardinality(String) COMMENT 'Game, which is the project of the build',
    build_id        String COMMENT 'Build',
    name            LowCardinality(String) COMMENT 'Name, which servers ask for as version_tag',
    version         UInt32 COMMENT 'Version of that name, from 1',
    status          LowCardinality(String) COMMENT 'uploading, processing, ready, failed or deleted',
    build_type      LowCardinality(String) COMMENT 'zip or docker_image',
    executable_path String COMMENT 'As asked for; empty where the image says what runs',
    image_url       String COMMENT 'Of an image; else empty',
    image_digest    String COMMENT 'What the image''s name stood for when it was pulled; else empty',
    upload_bytes    Nullable(UInt64) COMMENT 'Size of what was uploaded',
    sha256          String COMMENT 'Of the .tar.zst that was made, in hex: equal content, equal hash; empty until it is ready',
    size_bytes      Nullable(UInt64) COMMENT 'Size of the .tar.zst',
    unpacked_bytes  Nullable(UInt64) COMMENT 'Size of its files',
    files           Nullable(UInt32) COMMENT 'Files in it',
    error           String COMMENT 'Why processing failed; else empty',
    attempt         UInt32 COMMENT 'Attempts of processing over its whole life',
    created_at      DateTime64(3, 'UTC') COMMENT 'When it was created',
    updated_at      DateTime64(3, 'UTC') COMMENT 'When it last changed',
    _offset         UInt64 COMMENT 'Offset of the last record of fleet.events that changed it'
)
ENGINE = ReplacingMergeTree(_offset) ORDER BY (studio_id, game_id, build_id)
SETTINGS auto_statistics_types = ''
COMMENT 'Every build of every game, as it is now, deleted ones too. Read with FINAL.'
;;
CREATE TABLE IF NOT EXISTS fleet_hosts
(
    id                  String COMMENT 'Host',
    status              LowCardinality(String) COMMENT 'up, draining, suspected or lost',
    epoch               UInt32 COMMENT 'How often an agent has joined for it',
    address             String COMMENT 'Where players reach its servers',
    regions             Array(String) COMMENT 'Regions it serves',
    isolation           LowCardinality(String) COMMENT 'container or process',
    cpu_millis          UInt32 COMMENT 'Its CPU, in thousandths of a core',
    cpu_reserved_millis UInt32 COMMENT 'Of that what servers have for sure, when it was last heard of',
    memory_mb           UInt32 COMMENT 'Its memory for servers',
    memory_used_mb      UInt32 COMMENT 'Of that what is promised to servers, when it was last heard of',
    servers             UInt32 COMMENT 'Servers it had, when it was last heard of',
    first_port          UInt16 COMMENT 'First of its external ports',
    last_port           UInt16 COMMENT 'Last of them',
    overcommit          Bool COMMENT 'Whether memory may be promised more than once',
    tls                 Bool COMMENT 'Whether it can end TLS on tcp ports',
    runs_builds         Bool COMMENT 'Whether it processes builds',
    agent_version       LowCardinality(String) COMMENT 'Of its agent; empty where it did not say',
    joined_at           DateTime64(3, 'UTC') COMMENT 'When its agent joined',
    seen_at             DateTime64(3, 'UTC') COMMENT 'When it was last heard of',
    suspected_at        Nullable(DateTime64(3, 'UTC')) COMMENT 'Since when it is suspected to be lost',
    _offset             UInt64 COMMENT 'Offset of the last record of fleet.events that changed it'
)
ENGINE = ReplacingMergeTree(_offset) ORDER BY id
SETTINGS auto_statistics_types = ''
COMMENT 'Every host that ever joined, as it is now; of no studio, so that readers see no row. Read with FINAL.'
;;
CREATE TABLE IF NOT EXISTS fleet_events
(
    studio_id  LowCardinality(String) COMMENT 'Studio; empty for events of hosts',
    game_id    LowCardinality(String) COMMENT 'Game; empty for events of hosts',
    subject    String COMMENT 'Server, build or host it is about; empty for settings and pools',
    event      LowCardinality(String) COMMENT 'Name and version, for example fleet.server-ready.v1',
    command_id String COMMENT 'Command that it came from',
    data       String COMMENT 'The event as JSON, without environment values, arguments and credentials; JSONExtract reads it',
    at         DateTime64(3, 'UTC') COMMENT 'Effective time',
    _partition UInt16 COMMENT 'Partition of fleet.events',
    _offset    UInt64 COMMENT 'Offset of its record',
    _index     UInt32 COMMENT 'Place in the record, from 0'
)
ENGINE = ReplacingMergeTree ORDER BY (studio_id, game_id, subject, _partition, _offset, _index)
SETTINGS auto_statistics_types = ''
COMMENT 'Every event of the fleet but fleet.host-seen.v1, which tells every 5 s that a host is there. Read with FINAL.'
