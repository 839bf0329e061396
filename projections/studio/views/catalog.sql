-- Items and currencies by their keys.
CREATE OR REPLACE VIEW views.catalog
(
    studio_id LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id   String COMMENT 'Game; its slug and name are in games',
    type      String COMMENT 'item or currency',
    key       String COMMENT 'Key, as in ledger',
    name      String COMMENT 'Its name',
    metadata  Map(String, String) COMMENT 'What the definition says of an item besides, by field'
)
SQL SECURITY INVOKER
AS
SELECT studio_id, game_id, one.1 AS type, one.2 AS key, one.3 AS name, one.4 AS metadata
FROM studio_games FINAL
ARRAY JOIN arrayConcat(
    arrayMap(
        item -> ('item', item.itemKey, item.name, item.metadata),
        JSONExtract(catalog, 'items', 'Array(Tuple(itemKey String, name String, metadata Map(String, String)))')
    ),
    arrayMap(
        currency -> ('currency', currency.economyKey, currency.name, CAST(map(), 'Map(String, String)')),
        JSONExtract(catalog, 'currencies', 'Array(Tuple(economyKey String, name String))')
    )
) AS one
COMMENT 'Items and currencies, one row each, as definitions have them now.'
