-- Fields of feedback forms in their order.
CREATE OR REPLACE VIEW views.form_fields
(
    studio_id LowCardinality(String) COMMENT 'Studio that owns the game',
    game_id   String COMMENT 'Game; its slug and name are in games',
    form_id   String COMMENT 'Feedback form, as in feedback_answers',
    form_name String COMMENT 'Its name',
    active    Bool COMMENT 'Whether games show it',
    field_id  String COMMENT 'Field, as in feedback_answers',
    position  UInt32 COMMENT 'Place in the form, from 1',
    label     String COMMENT 'The question',
    kind      String COMMENT 'rating-1-5, short-text, yes-no or another kind of field',
    required  Bool COMMENT 'Whether it must be answered'
)
SQL SECURITY INVOKER
AS
SELECT
    studio_id, game_id, form.id AS form_id, form.name AS form_name, form.active AS active, field.id AS field_id,
    position, field.label AS label, field.kind AS kind, field.required AS required
FROM
(
    SELECT
        studio_id, game_id,
        arrayJoin(JSONExtract(forms, 'Array(Tuple(id String, name String, active Bool, fields Array(Tuple(id String,
            label String, kind String, required Bool))))')) AS form
    FROM studio_games FINAL
)
ARRAY JOIN form.fields AS field, arrayEnumerate(form.fields) AS position
COMMENT 'Fields of feedback forms, one row each, as definitions have them now.'
