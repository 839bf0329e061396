"""ClickHouse machinery without domain nouns: client, numbered DDL, tokens, log positions."""
