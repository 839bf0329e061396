-- Five movements a session: gold comes, is claimed and, of two players in five, spent; an item comes and goes.
INSERT INTO liveops_ledger
(
    studio_id, game_id, external_id, number, type, key, amount, balance, cause, reason, command_id, grant_id, at
)
SELECT
    studio_id, game_id, player_id, row_number() OVER (PARTITION BY player_id ORDER BY at_ms, number, place),
    if(place < 3, 'currency', 'item'), if(place < 3, ['gold', 'gems'][1 + number % 2], 'medkit'),
    [50, 25, -(10 + number % 40), 1, -1][1 + place], 1000,
    ['credit', 'claim', 'debit', 'item_grant', 'consume'][1 + place], 'bench',
    concat('cmd_', hex(sipHash64(number, place))), if(place = 1, concat('gr_', toString(number)), ''),
    fromUnixTimestamp64Milli(at_ms + place * pace_ms, 'UTC')
FROM bench_sessions ARRAY JOIN range(5) AS place
WHERE place != 2 OR player % 5 < 2
;;
INSERT INTO liveops_economy
(studio_id, game_id, step, start, type, key, minted, spent, _partition, next_offset)
SELECT
    studio_id, game_id, minutes AS step, if(minutes = 1, toStartOfMinute(at), toStartOfHour(at)), type, key,
    sumIf(amount, amount > 0), -sumIf(amount, amount < 0), 0, 1
FROM liveops_ledger ARRAY JOIN [1, 60] AS minutes
WHERE game_id = {game:String}
GROUP BY studio_id, game_id, minutes, if(minutes = 1, toStartOfMinute(at), toStartOfHour(at)), type, key
;;
INSERT INTO liveops_events
(studio_id, game_id, external_id, event, command_id, data, at, _partition, _offset, _index)
SELECT
    studio_id, game_id, external_id,
    if(type = 'item', 'liveops.inventory-changed.v1', 'liveops.wallet-changed.v1'), command_id,
    concat(
        '{"game_id":"', game_id, '","external_id":"', external_id, '","movement":{"number":', toString(number),
        ',"type":"', type, '","key":"', key, '","amount":', toString(amount), ',"balance":', toString(balance),
        ',"cause":"', cause, '","reason":"', reason, '","command_id":"', command_id, '"}}'
    ),
    at, 0, number, 2
FROM liveops_ledger
WHERE game_id = {game:String}
