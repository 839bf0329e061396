-- What definitions say of games, so that analysts find them by slug, and the labels of what telemetry has ids of.
CREATE TABLE IF NOT EXISTS studio_games
(
    studio_id          LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id            String COMMENT 'Game',
    slug               String COMMENT 'Its slug now, by which URLs and the command line name it',
    name               String COMMENT 'Its name now',
    created_at         DateTime64(3, 'UTC') COMMENT 'When it was first applied',
    changed_at         DateTime64(3, 'UTC') COMMENT 'When its definition last changed',
    definition_version UInt32 COMMENT 'Version of the definition, from 1',
    heatmap_axes       LowCardinality(String) COMMENT 'Coordinates that heatmaps show: xy, xz or yz',
    forms              String COMMENT 'Feedback forms: a JSON list of {id, name, active, fields: [{id, label, kind, required}]}',
    funnels            String COMMENT 'Declared funnels: a JSON list of {key, name, steps, windowMinutes}',
    catalog            String COMMENT 'Items and currencies: JSON {items: [{itemKey, name, metadata}], currencies: [{economyKey, name}]}',
    events             String COMMENT 'Live-ops events: a JSON list of {eventKey, name, mode, order, keep, scoreFormula, …}',
    _offset            UInt64 COMMENT 'Offset of the last record of studio.events that changed it'
)
ENGINE = ReplacingMergeTree(_offset) ORDER BY (studio_id, game_id)
SETTINGS auto_statistics_types = ''
COMMENT 'Every game of every studio, as its definition has it now. Read with FINAL.'
