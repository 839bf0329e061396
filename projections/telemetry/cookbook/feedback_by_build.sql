-- Feedback by build: what do players answer, and does it change with builds?
--
-- A submission belongs to the build of its session. `mean` is over answers that are numbers, NULL where none is.
-- The labels of fields are in form_fields. Builds stand in their order.
-- Parameters: game (game_id).
SELECT
    b.position AS position,
    s.build_id AS build_id,
    a.form_id AS form_id,
    a.field_id AS field_id,
    count() AS answers,
    uniqExact(a.player_id) AS players,
    round(avg(a.number), 3) AS mean
FROM feedback_answers AS a
JOIN sessions AS s ON s.game_id = a.game_id AND s.session_id = a.session_id
JOIN builds AS b ON b.game_id = a.game_id AND b.build_id = s.build_id
WHERE a.game_id = {game:String}
GROUP BY position, build_id, form_id, field_id
ORDER BY position, form_id, field_id
