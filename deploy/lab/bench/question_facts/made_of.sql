-- What the sessions of a game are made of, for the statements behind this one; it is dropped at the end.
--
-- Players join day by day, and come back the more the younger they are. A session has 10 events at least and 100 in
-- the mean, one each `pace_ms`, with a pause of 45 s after every 25th. `reach` is the last room that it sees.
CREATE TABLE IF NOT EXISTS bench_sessions
(
    studio_id String, game_id String, number UInt64, day UInt16, session_id String, player UInt64, player_id String,
    build_id String, at_ms Int64, pace_ms Int64, events UInt32, reach UInt8, crashed Bool
)
ENGINE = MergeTree ORDER BY (day, number)
;;
INSERT INTO bench_sessions
WITH
    intDiv(number, {daily:UInt64}) AS on_day,
    greatest(1, intDiv({players:UInt64} * (on_day + 1), {days:UInt16})) AS joined,
    sipHash64(number, {game:String}) AS any
SELECT
    {studio:String}, {game:String}, number, on_day, concat('sess_', hex(any)),
    joined - 1 - toUInt64(floor(joined * pow((any % 1000003) / 1000003, 3))) AS player,
    concat('device_', hex(sipHash64(player, {game:String}))),
    ['0.8.0', '0.9.0', '0.9.1', '0.10.0-rc1', '0.10.0', '1.0.0'][
        1 + intDiv(on_day * 6, {days:UInt16}) - (any % 7 = 0 AND on_day > {days:UInt16} / 6)
    ],
    {begin:Int64} + on_day * 86400000 + sipHash64(number, 'at') % 86000000,
    2000 + sipHash64(number, 'pace') % 8000,
    least(10 + toUInt64(-90 * log((sipHash64(number, 'events') % 100003 + 1) / 100003)), 2000),
    sipHash64(number, 'reach') % 12,
    sipHash64(number, 'crashed') % 100 < 2
FROM numbers({sessions:UInt64})
