-- Games by their slugs.
CREATE OR REPLACE VIEW views.games
(
    studio_id          LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id            String COMMENT 'Game, as all other views have it',
    slug               String COMMENT 'Its slug, by which URLs and the command line name it',
    name               String COMMENT 'Its name',
    at                 DateTime64(3, 'UTC') COMMENT 'When it was first applied',
    changed_at         DateTime64(3, 'UTC') COMMENT 'When its definition last changed',
    definition_version UInt32 COMMENT 'Version of the definition, from 1',
    heatmap_axes       LowCardinality(String) COMMENT 'Coordinates that heatmaps show: xy, xz or yz'
)
SQL SECURITY INVOKER
AS
SELECT studio_id, game_id, slug, name, created_at AS at, changed_at, definition_version, heatmap_axes
FROM studio_games FINAL
COMMENT 'Games of the studio, one row each, as their definitions have them now.'
