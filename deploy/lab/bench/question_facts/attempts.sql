-- An attempt a session, on the board of its week, with three reports; one player in 2,000 cheats.
INSERT INTO liveops_scores
(
    studio_id, game_id, event_key, window_id, board_id, external_id, attempt_id, attempt_score, score,
    is_personal_best, at, _partition, _offset, _index
)
WITH (1 + report) * (1 + sipHash64(number, 'frags') % 30) * if(player % 2000 = 7, 100, 1) AS frags
SELECT
    studio_id, game_id, 'frags', concat('win_', toString(intDiv(day, 7))), concat('lb_', toString(intDiv(day, 7))),
    player_id, concat('at_', hex(sipHash64(number))), frags,
    max(frags) OVER (
        PARTITION BY player_id, intDiv(day, 7) ORDER BY at_ms, report ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ),
    report = 2, fromUnixTimestamp64Milli(at_ms + (report + 1) * pace_ms, 'UTC'), 0, number, 10 + report
FROM bench_sessions ARRAY JOIN range(3) AS report
;;
INSERT INTO liveops_final_entries
(studio_id, game_id, event_key, window_id, board_id, rank, external_id, is_bot, score, achieved_at)
SELECT
    studio_id, game_id, 'frags', window_id, board_id,
    row_number() OVER (PARTITION BY board_id ORDER BY best DESC, external_id), external_id, false, best, reached_at
FROM
(
    SELECT
        studio_id, game_id, window_id, board_id, external_id, max(score) AS best, argMax(at, score) AS reached_at
    FROM liveops_scores
    WHERE game_id = {game:String} AND board_id != (SELECT max(board_id) FROM liveops_scores)
    GROUP BY studio_id, game_id, window_id, board_id, external_id
)
;;
INSERT INTO liveops_events
(studio_id, game_id, external_id, event, command_id, data, at, _partition, _offset, _index)
WITH
    at_ms + what * pace_ms AS happened_ms,
    sipHash64(number, 'frags') % 30 + 1 AS frags
SELECT
    studio_id, game_id, player_id,
    [
        'liveops.attempt-started.v1', 'liveops.attempt-progressed.v1', 'liveops.attempt-progressed.v1',
        'liveops.attempt-progressed.v1', 'liveops.attempt-completed.v1'
    ][1 + what],
    concat('cmd_', hex(sipHash64(number, what, 'attempt'))),
    concat(
        '{"game_id":"', game_id, '","external_id":"', player_id, '","attempt":{"id":"at_', hex(sipHash64(number)),
        '","event_key":"frags","window_id":"win_', toString(intDiv(day, 7)), '","board_id":"lb_',
        toString(intDiv(day, 7)), '","status":"', if(what = 4, 'completed', 'active'), '","metrics":{"frags":',
        toString(least(what, 3) * frags), '},"score":', toString(least(what, 3) * frags), ',"started_at_ms":',
        toString(at_ms), ',"completed_at_ms":', if(what = 4, toString(happened_ms), 'null'), ',"lobby_id":null}}'
    ),
    fromUnixTimestamp64Milli(happened_ms, 'UTC'), 0, number, 10 + what
FROM bench_sessions ARRAY JOIN range(5) AS what
;;
-- A crate of every third session, most of them opened.
INSERT INTO liveops_events
(studio_id, game_id, external_id, event, command_id, data, at, _partition, _offset, _index)
WITH
    at_ms + (6 + opened) * pace_ms AS happened_ms,
    concat(
        '{"id":"gr_crate_', toString(number), '","kind":"crate","status":"', if(opened, 'claimed', 'pending'),
        '","event_key":"frags","attempt_id":"at_', hex(sipHash64(number)),
        '","trigger":"completed","entries":[],"created_at_ms":', toString(at_ms + 6 * pace_ms),
        ',"table":[{"weight":70,"entries":[]},{"weight":25,"entries":[]},{"weight":5,"entries":[]}]}'
    ) AS crate,
    sipHash64(number, 'roll') % 100 AS roll
SELECT
    studio_id, game_id, player_id, if(opened, 'liveops.crate-opened.v1', 'liveops.grant-created.v1'),
    concat('cmd_', hex(sipHash64(number, opened, 'crate'))),
    concat(
        '{"game_id":"', game_id, '","external_id":"', player_id, '",',
        if(opened, concat(
            '"crate":', crate, ',"contents":{"id":"gr_in_', toString(number),
            '","kind":"reward","status":"pending","event_key":"frags","attempt_id":null,"trigger":"crate",',
            '"entries":[{"type":"item","key":"medkit","quantity":1}],"created_at_ms":', toString(happened_ms),
            ',"parent_grant_id":"gr_crate_', toString(number), '","roll":{"table_version":"1:bench","seed":"',
            hex(sipHash64(number, 'seed')), '","row":', toString(multiIf(roll < 70, 0, roll < 95, 1, 2)), '}}'
        ), concat('"grant":', crate)), '}'
    ),
    fromUnixTimestamp64Milli(happened_ms, 'UTC'), 0, number, 20 + opened
FROM bench_sessions ARRAY JOIN if(number % 5 = 0, [0], [0, 1]) AS opened
WHERE number % 3 = 0
;;
DROP TABLE bench_sessions
