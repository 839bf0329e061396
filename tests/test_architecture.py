import subprocess
from pathlib import Path

import pytest

from tests.import_law import circles, violations

ROOT = Path(__file__).parent.parent
TOP_LEVEL = {
    "README.md",
    "api",
    "deploy",
    "projections",
    "pyproject.toml",
    "requirements.lock",
    "schemas",
} | {
    "streams",
    "tests",
}


def test_the_rooms_keep_the_import_law() -> None:
    assert violations(ROOT) == []


@pytest.mark.parametrize(
    ("file", "source", "breach"),
    [
        ("schemas/a.py", "from streams.gateway import app", "schemas may not import streams.gateway.app"),
        (
            "streams/a.py",
            "import projections.redis.client",
            "streams may not import projections.redis.client",
        ),
        ("projections/a.py", "def f():\n    import streams", "projections may not import streams"),
        ("api/a.py", "from streams import gateway", "api may not import streams.gateway"),
        ("api/a.py", "from projections.redis import client", "api may import queries of projections only"),
        ("deploy/a.py", "from tests import stack", "deploy may not import tests.stack"),
        ("streams/gateway/a.py", "import faust", "faust is imported in streams/runtime/"),
        ("deploy/a.py", "from deploy.lab import demo", "production does not install deploy.lab"),
        ("deploy/a.py", "t = KafkaTail(settings.kafka)", "clients of Kafka are made from deploy.brokers"),
        (
            "deploy/a.py",
            "f = partial(follow, configured.kafka)",
            "clients of Kafka are made from deploy.brokers",
        ),
        (
            "tests/a.py",
            "http = httpx.AsyncClient(timeout=5)",
            "tests make clients of HTTP by tests.plain_http",
        ),
        ("tests/a.py", "httpx.get(url)", "tests make clients of HTTP by tests.plain_http"),
        (
            "tests/a.py",
            "http = httpx.Client(transport=httpx.HTTPTransport(local_address=own))",
            "tests make clients of HTTP by tests.plain_http",
        ),
        ("schemas/a.py", "import os\nhome = os.environ['HOME']", "only deploy reads the environment"),
        ("api/a.py", "import os\nhome = os.getenv('HOME')", "only deploy reads the environment"),
    ],
)
def test_the_law_sees_a_bad_example(tmp_path: Path, file: str, source: str, breach: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(source)
    assert any(breach in found for found in violations(tmp_path))


def test_every_circle_of_modules_is_found() -> None:
    plain = {"a": {"b", "c"}, "b": {"c"}, "c": set[str](), "d": {"a"}}
    assert circles(plain) == []
    found = circles(plain | {"c": {"a"}, "e": {"f"}, "f": {"e"}})
    assert len(found) == 2
    assert circles({"a": {"a2"}, "a2": {"a"}}) in (["a circle: a -> a2 -> a"], ["a circle: a2 -> a -> a2"])


def test_the_law_lets_a_good_example_be(tmp_path: Path) -> None:
    (tmp_path / "api").mkdir()
    (tmp_path / "api/a.py").write_text(
        "from schemas.edge import ports\nfrom projections.telemetry.queries import rollups\nimport fastapi\n"
    )
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/a.py").write_text("http = httpx.Client(transport=httpx.ASGITransport(app))\n")
    assert violations(tmp_path) == []


def test_the_top_level_holds_the_rooms_and_nothing_else() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607 - git
    tops = {name.split("/")[0] for name in listed.stdout.splitlines()}
    assert {name for name in tops if not name.startswith(".")} - {"README.md"} == TOP_LEVEL - {"README.md"}
