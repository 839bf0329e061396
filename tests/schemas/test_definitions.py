from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.edge.ports import Limits
from schemas.studio.commands import DefineStudio
from schemas.studio.definitions import load_definitions
from schemas.studio.formulas import formula_problem
from schemas.studio.games import changed_fields
from schemas.studio.yaml_source import FILE_BYTES_MAX, DefinitionInvalid

CONTRACT = """\
studio: {name: Demo Studio, slug: demo}
games:
  - id: 72ab8f81-ef36-4712-a046-399a62b9afaa
    slug: doom
    name: Freedoom
    catalog: {inventoryMode: platform, items: [{itemKey: medkit, name: Medkit}], currencies: [{economyKey: gold, name: Gold}]}
    events:
      - eventKey: weekly-frags
        name: Weekly frags
        mode: global
        window: {every: week, from: 2026-01-05T00:00:00Z}     # or {startsAt, endsAt}; every: hour | day | week | month, or seconds: 90
        target: {metric: frags, value: 100}
        metrics: {frags: {maxPerCall: 50}, damage: {}}
        scoreFormula: "frags * 100.0 + damage"
        keep: best
        attemptCap: 20
        rewards:
          - {trigger: completed, entries: [{type: currency, key: gold, quantity: 50}]}
          - {trigger: "rank <= 3", crate: {table: [{weight: 9, entries: [{type: item, key: medkit, quantity: 1}]}, {weight: 1, entries: [{type: currency, key: gold, quantity: 500}]}]}}
      - eventKey: duel
        name: Duel
        mode: grouped
        groupSize: 50
        window: {seconds: 3600, from: 2026-01-05T00:00:00Z}
        scoreFormula: "frags"
        metrics: {frags: {}}
        keep: sum
        rewards: [{trigger: "score >= 10", entries: [{type: currency, key: gold, quantity: 5}]}]
        matchmaking: {size: 4, minPlayers: 2, fillSeconds: 20, bots: {perMinute: 3}}
      - {eventKey: leagues, name: Leagues, mode: segmented, segmentBy: league, window: {every: month}, metrics: {points: {}}, scoreFormula: "points", keep: last, order: desc}
    feedbackForms: [{id: ff_session, name: Session feedback, triggerHint: after_session, active: true, fields: [{id: q1, label: Rating, kind: rating-1-5, required: true}, {id: q2, label: What worked?, kind: short-text}]}]
    limits: {ingestPerSecond: 10, sdkWritePerMinute: 300}
"""  # noqa: E501 - the live-ops contract's example, as printed there


def test_a_whole_float_is_the_integer_except_in_metadata() -> None:
    whole = load_definitions(CONTRACT)
    for integer, spelled in (("quantity: 50}", "quantity: 50.0}"), ("attemptCap: 20", "attemptCap: 2.0e+1")):
        assert integer in CONTRACT
        assert load_definitions(CONTRACT.replace(integer, spelled)) == whole
        with pytest.raises(DefinitionInvalid, match="whole number"):
            load_definitions(CONTRACT.replace(integer, integer.replace("0", "0.5")))
    item = "{itemKey: medkit, name: Medkit}"
    with_metadata = CONTRACT.replace(item, "{itemKey: medkit, name: Medkit, metadata: {heals: 5.0}}")
    (game,) = load_definitions(with_metadata).games
    assert type(game.settings.definition["catalog"]["items"][0]["metadata"]["heals"]) is float


def changed(old: str, new: str) -> str:
    assert old in CONTRACT
    return CONTRACT.replace(old, new, 1)


def problems(text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(DefinitionInvalid) as caught:
        load_definitions(text)
    return [(problem.line, problem.field, problem.message) for problem in caught.value.problems]


def test_the_contracts_example_is_accepted_whole() -> None:
    command = load_definitions(CONTRACT)
    assert (command.slug, command.plan) == ("demo", "free")
    (game,) = command.games
    assert game.id == "72ab8f81-ef36-4712-a046-399a62b9afaa"
    assert game.settings.limits == Limits()
    assert game.settings.feedback_forms[0]["fields"][0]["kind"] == "rating-1-5"
    events = game.settings.definition["events"]
    assert [event["eventKey"] for event in events] == ["weekly-frags", "duel", "leagues"]
    assert events[0]["window"]["from"] == "2026-01-05T00:00:00Z"
    assert events[0]["order"] == "desc"
    assert events[1]["matchmaking"]["bots"] == {"perMinute": 3.0}


def test_the_smallest_file() -> None:
    assert load_definitions("studio: {name: X, slug: x}") == DefineStudio(slug="x", name="X", plan="free")


def test_null_means_unlimited_and_left_out_means_the_default() -> None:
    settings = load_definitions(changed("ingestPerSecond: 10,", "ingestPerSecond: null,")).games[0].settings
    assert settings.limits == Limits(ingest_per_second=None)


def test_the_same_meaning_written_otherwise_is_the_same_definition() -> None:
    for zone in ("2026-01-05T00:00:00", "2026-01-05T02:00:00+02:00"):
        assert load_definitions(changed("2026-01-05T00:00:00Z", zone)) == load_definitions(CONTRACT)
    assert load_definitions(changed("keep: best", "order: desc")) == load_definitions(CONTRACT)


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "message"),
    [
        ("slug: demo", "slug: compare", 1, "studio.slug", "reserved"),
        ("slug: demo", "slug: Demo", 1, "studio.slug", "lower-case letters"),
        ("slug: demo", "slug: demo, color: red", 1, "studio.color", "not a field"),
        ("slug: demo", "slug: demo, plan: gold", 1, "studio.plan", "(free, indie, studio)"),
        ("    slug: doom", "    slug: archetypes", 4, "games[0].slug", "reserved"),
        ("    slug: doom", '    slug: "doom\\n"', 4, "games[0].slug", "lower-case letters"),
        ("    slug: doom", "    slug: doom\n    slug: doom", 5, "games[0].slug", "twice"),
        ("    slug: doom", f"    slug: {'a0' * 16}", 4, "games[0].slug", "like an id"),
        ("    slug: doom", "    slug: *x", 4, "", "aliases"),
        ("    slug: doom", "    slug: !!python/name:os.system x", 4, "", "tags"),
        ("    slug: doom\n", "", 3, "games[0].slug", "missing"),
        ("id: 72ab8f81-ef36-4712-a046-399a62b9afaa", "id: doom", 3, "games[0].id", "a UUID in lower case"),
        (
            "id: 72ab8f81-ef36-4712-a046-399a62b9afaa",
            "id: 12",
            3,
            "games[0].id",
            "must be text or null, not `12`",
        ),
        ("mode: global", "mode: world", 10, "games[0].events[0].mode", "(global, grouped, segmented)"),
        (
            "mode: global",
            "mode: global\n        grupSize: 2",
            11,
            "games[0].events[0].grupSize",
            "not a field",
        ),
        ("mode: global", "mode: grouped", 8, "games[0].events[0].groupSize", "needed in mode grouped"),
        ("every: week, ", "every: week, seconds: 5, ", 11, "games[0].events[0].window", "exactly one"),
        ("{every: week, from: 2026-01-05T00:00:00Z}", "{}", 11, "games[0].events[0].window", "exactly one"),
        (
            "{every: week, from: 2026-01-05T00:00:00Z}",
            "{startsAt: 2026-01-05T00:00:00Z, endsAt: 2026-01-05T00:00:00+01:00}",
            11,
            "games[0].events[0].window.endsAt",
            "not after",
        ),
        (
            "2026-01-05T00:00:00Z",
            "2026-13-05T00:00:00Z",
            11,
            "games[0].events[0].window.from",
            "a time such as",
        ),
        ("metric: frags", "metric: kills", 12, "games[0].events[0].target.metric", "not one of"),
        ("value: 100", "value: .nan", 12, "games[0].events[0].target.value", "finite"),
        ("value: 100", "value: 0", 12, "games[0].events[0].target.value", "more than 0, not `0`"),
        ("value: 100", "value: yes", 12, "games[0].events[0].target.value", "a number, not true"),
        (
            "damage: {}}",
            "damage: {}, double: {}}",
            13,
            "games[0].events[0].metrics.double",
            "keep for themselves",
        ),
        ("damage: {}}", "9d: {}}", 13, "games[0].events[0].metrics.9d", "the first no digit"),
        ("frags * 100.0", "frags * 100", 14, "games[0].events[0].scoreFormula", "write 100.0"),
        ("frags * 100.0", "frogs * 100.0", 14, "games[0].events[0].scoreFormula", "unknown metric frogs"),
        ("trigger: completed", "trigger: won", 18, "games[0].events[0].rewards[0].trigger", "`rank <= N`"),
        (
            "key: gold, quantity: 50}",
            "key: silver, quantity: 50}",
            18,
            "games[0].events[0].rewards[0].entries[0].key",
            "no currency silver",
        ),
        (
            "quantity: 50}",
            "quantity: 1.5}",
            18,
            "games[0].events[0].rewards[0].entries[0].quantity",
            "whole number",
        ),
        (
            "minPlayers: 2",
            "minPlayers: 5",
            29,
            "games[0].events[1].matchmaking.minPlayers",
            "larger than size",
        ),
        (
            "minPlayers: 2",
            "minPlayers: 2, server: {region: mars, computeSize: micro}",
            29,
            "games[0].events[1].matchmaking.server.region",
            "not one of the choices",
        ),
        (
            "minPlayers: 2",
            """minPlayers: 2, server: {region: sea, computeSize: micro, startupArgs: "it's"}""",
            29,
            "games[0].events[1].matchmaking.server.startupArgs",
            "single quote",
        ),
        ("eventKey: leagues", "eventKey: duel", 30, "games[0].events[2].eventKey", "given twice"),
        ("id: q2", "id: q1", 31, "games[0].feedbackForms[0].fields[1].id", "given twice"),
        (
            "kind: short-text",
            "kind: text",
            31,
            "games[0].feedbackForms[0].fields[1].kind",
            "(long-text, rating-1-5, short-text, yes-no)",
        ),
        ("ingestPerSecond: 10", "ingestPerSecond: 0", 32, "games[0].limits.ingestPerSecond", "more than 0"),
        ("ingestPerSecond: 10", "ingestPerSec: 10", 32, "games[0].limits.ingestPerSec", "not a field"),
    ],
)
def test_a_bad_file_names_the_line_and_the_field(
    old: str, new: str, line: int, field: str, message: str
) -> None:
    found = problems(changed(old, new))
    assert [(number, name) for number, name, _ in found] == [(line, field)]
    assert message in found[0][2]


WEBHOOK = "    webhooks: [{id: main, url: https://example.org/hook, events: [grant.created]}]\n"


def with_webhook(old: str = "", new: str = "") -> str:
    return CONTRACT + WEBHOOK.replace(old, new, 1)


def test_a_webhook_travels_with_the_game() -> None:
    (game,) = load_definitions(with_webhook()).games
    (declared,) = game.settings.definition["webhooks"]
    assert (declared["id"], declared["events"]) == ("main", ["grant.created"])
    (before,) = load_definitions(CONTRACT).games
    assert changed_fields(before.settings, game.settings) == ["webhooks"]


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("https://example.org/hook", "ftp://example.org/", "url"),
        ("https://example.org/hook", "https://me@example.org/", "url"),
        ("grant.created", "grant.lost", "events[0]"),
        ("[grant.created]", "[grant.created, grant.created]", "events"),
        ("[grant.created]", "[]", "events"),
        ("id: main", "id: a/b", "id"),
        ("events: [grant.created]}", "events: [grant.created], secret: x}", "secret"),
    ],
)
def test_a_bad_webhook_names_its_line_and_field(old: str, new: str, field: str) -> None:
    ((line, found, _),) = problems(with_webhook(old, new))
    assert (line, found) == (CONTRACT.count("\n") + 1, f"games[0].webhooks[0].{field}")


def test_a_webhooks_id_is_given_once() -> None:
    twice = with_webhook("}]", "}, {id: main, url: https://example.org/, events: [grant.claimed]}]")
    assert [field for _, field, _ in problems(twice)] == ["games[0].webhooks[1].id"]


def test_all_problems_of_meaning_are_told_at_once() -> None:
    text = changed("frags * 100.0", "frags * 100").replace("eventKey: leagues", "eventKey: duel")
    assert [line for line, _, _ in problems(text)] == [14, 30]


@pytest.mark.parametrize(
    "text", ["", "# nothing", "[]", "studio", "{", "a: b: c", "studio: 1\n---\nstudio: 2"]
)
def test_what_is_no_definition_has_a_line_too(text: str) -> None:
    assert problems(text)[0][0] >= 1


def test_a_file_has_a_limit() -> None:
    assert "larger" in problems("#" * (FILE_BYTES_MAX + 1))[0][2]
    many = "".join(f"  - {{slug: g{number}, name: {'x' * 200}}}\n" for number in range(101))
    assert problems("studio: {name: X, slug: x}\ngames:\n" + many)[0][1] == "games"


@given(st.text(max_size=200))
def test_any_text_is_a_definition_or_is_refused(text: str) -> None:
    try:
        said: object = load_definitions(text).slug
    except DefinitionInvalid as refused:
        said = refused.problems
    assert said


@pytest.mark.parametrize(
    "formula",
    ["frags", "-frags", "frags * 1e3", "frags > 1.0 ? frags : 0.0", "frags / damage", "(frags + .5) * 2.0"],
)
def test_formulas_over_doubles_are_accepted(formula: str) -> None:
    assert formula_problem(formula, ["frags", "damage"]) is None


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("frags * 2", "write 2.0"),
        ("frags * 2u", "integer literal 2u"),
        ("0x1F", "integer literal"),
        ("frags > 1.0", "gives bool"),
        ("frags +", "not CEL"),
        ("[frags].map(x, x)", "no place"),
        ("'frags'", "no place"),
        ("frags.size", "can't be evaluated"),
        ("nope(frags)", "can't be evaluated"),
        ("frags / 0.0 - frags / 0.0", "never finite"),
        ("", "1 to 500"),
        ("frags" + " + frags" * 100, "1 to 500"),
        ("(" * 400, "not CEL"),
    ],
)
def test_other_formulas_are_refused_with_a_reason(formula: str, reason: str) -> None:
    assert reason in (formula_problem(formula, ["frags"]) or "")


@given(st.text(alphabet="frags+-*/().?:<>= 0123456789e!&|,%", max_size=60))
def test_no_formula_breaks_the_check(formula: str) -> None:
    problem = formula_problem(formula, ["frags"])
    assert problem is None or problem.strip()


def test_changes_are_named_by_yaml_field() -> None:
    before = load_definitions(CONTRACT).games[0].settings
    text = changed("ingestPerSecond: 10", "ingestPerSecond: 20").replace("name: Duel", "name: Duels")
    text = text.replace("name: Session feedback", "name: Session").replace("name: Medkit", "name: Kit")
    after = load_definitions(text).games[0].settings
    assert changed_fields(before, after) == [
        "catalog",
        "events[duel]",
        "feedbackForms[ff_session]",
        "limits.ingestPerSecond",
    ]
    assert changed_fields(before, before) == []
