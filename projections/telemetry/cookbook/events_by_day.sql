-- Events by day: how often did what happen?
--
-- Days are UTC, by the clients' clocks. Counts by the minute are kept ready: asked for by toStartOfMinute(at), as here,
-- and without a look at players or properties, no single event is read.
-- Parameters: game (game_id).
SELECT toDate(minute) AS day, event_name, sum(counted) AS events
FROM
(
    SELECT toStartOfMinute(at) AS minute, event_name, count() AS counted
    FROM events
    WHERE game_id = {game:String}
    GROUP BY minute, event_name
)
GROUP BY day, event_name
ORDER BY day, events DESC, event_name
