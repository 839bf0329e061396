-- One day's sessions; one in ten has an older version beside it, as while it went on.
INSERT INTO session_parts
(
    studio_id, game_id, session_id, player_id, tester_handle, source, build_id, environment, metadata, experiments,
    country, first_event_at, last_event_at, first_arrived_at, event_counts, spans, span_events, ended, closed,
    _partition, _version
)
WITH
    place -> at_ms + place * pace_ms + intDiv(place, 25) * 45000 AS moment,
    range(intDiv(events + 24, 25)) AS pieces
SELECT
    studio_id, game_id, s.session_id, s.player_id, s.player_id, 'unity-telemetry', build_id, 'production', '{}',
    concat('{"exp_hud":"', ['control', 'compact'][1 + s.player % 2], '"}'),
    ['DE', 'US', 'FR', 'BR', 'JP', 'PL', 'GB', 'CA', 'ES', ''][1 + s.player % 10],
    fromUnixTimestamp64Milli(at_ms, 'UTC'),
    fromUnixTimestamp64Milli(at_ms + (events - 1) * pace_ms + intDiv(events - 1, 25) * 45000, 'UTC'),
    fromUnixTimestamp64Milli(at_ms, 'UTC'),
    c.counts,
    arrayMap(
        piece -> (
            at_ms + 25 * piece * pace_ms + piece * 45000,
            at_ms + least(25 * piece + 24, events - 1) * pace_ms + piece * 45000
        ),
        pieces
    ),
    arrayMap(
        piece -> (number, toUInt32(25 * piece), number, toUInt32(least(25 * piece + 24, events - 1))), pieces
    ),
    version, version, 0, number + version
FROM bench_sessions AS s
JOIN
(
    SELECT session_id, sumMap(map(toString(event_name), toUInt64(1))) AS counts
    FROM events
    WHERE game_id = {game:String} AND session_id IN (SELECT session_id FROM bench_sessions WHERE day = {day:UInt16})
    GROUP BY session_id
) AS c ON c.session_id = s.session_id
ARRAY JOIN if(number % 10 = 0, [0, 1], [1]) AS version
WHERE day = {day:UInt16}
;;
-- Three steps in the mean of the five that there are.
INSERT INTO funnel_steps
(
    studio_id, game_id, build_id, environment, source, step_name, session_id, player_id, room, occurred_at,
    arrived_at, properties, _partition, _offset, _index
)
WITH at_ms + (place + 1) * pace_ms + 250 AS happened_ms
SELECT
    studio_id, game_id, build_id, 'production', 'unity-telemetry',
    ['start', 'tutorial', 'first-kill', 'first-level', 'first-purchase'][1 + place],
    session_id, player_id, 'E1M1', fromUnixTimestamp64Milli(happened_ms, 'UTC'),
    fromUnixTimestamp64Milli(happened_ms, 'UTC'), '{}', 0, number, place
FROM bench_sessions ARRAY JOIN range(1 + player % 5) AS place
WHERE day = {day:UInt16}
;;
INSERT INTO insights
(
    studio_id, game_id, session_id, player_id, insight_id, type, sentiment, confidence, evidence, place, tag,
    build_id, environment, created_at, recorded_at, _version
)
SELECT
    studio_id, game_id, session_id, player_id, concat('ins_', hex(sipHash64(number, finding))),
    ['session-summary', 'stuck-point', 'difficulty-spike', 'quit-point'][1 + finding], 'negative', 0.8,
    'Generated for a measurement.', concat('E1M', toString(1 + reach)), 'stuck', build_id, 'production',
    fromUnixTimestamp64Milli(at_ms, 'UTC'), fromUnixTimestamp64Milli(at_ms, 'UTC'), 1
FROM bench_sessions ARRAY JOIN range(4) AS finding
WHERE day = {day:UInt16}
;;
INSERT INTO feedback
(
    studio_id, game_id, form_id, submission_id, session_id, player_id, answers, arrived_at, _partition, _offset,
    _index, _rank
)
SELECT
    studio_id, game_id, 'ff_end', concat('sub_', toString(number)), session_id, player_id,
    concat(
        '[{"fieldId":"fun","value":', toString(1 + sipHash64(number, 'fun') % 5), '},{"fieldId":"again","value":"',
        ['yes', 'no', 'maybe'][1 + number % 3], '"},{"fieldId":"why","value":"It was a measurement."}]'
    ),
    fromUnixTimestamp64Milli(at_ms + events * pace_ms, 'UTC'), 0, number, 0, 1
FROM bench_sessions
WHERE day = {day:UInt16} AND number % 10 = 3
