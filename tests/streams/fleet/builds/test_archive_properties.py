import tarfile
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.fleet.builds.refused import BuildRefused
from tests.streams.fleet.builds.zips import SCRIPT, Item, archive, process, script, unpacked

_names = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp"), blacklist_characters="/\\:"),
    min_size=1,
    max_size=12,
).filter(lambda name: name not in {".", "..", "__MACOSX"})
_contents = st.binary(max_size=300) | st.integers(0, 5_000).map(
    lambda size: bytes(range(256)) * (size // 200)
)
_trees = st.recursive(
    st.tuples(_contents, st.booleans()),
    lambda children: st.dictionaries(_names, children, max_size=4),
    max_leaves=12,
)
Node = tuple[bytes, bool] | dict[str, "Node"]


def _items(tree: dict[str, Node], above: str = "") -> list[tuple[Item, tuple[bytes, int, bytes]]]:
    found = []
    for name, node in tree.items():
        path = above + name
        if isinstance(node, dict):
            found.append((Item(f"{path}/".encode(), mode=0o040700), (tarfile.DIRTYPE, 0o755, b"")))
            found += _items(node, path + "/")
        else:
            content, executable = node
            mode = 0o100711 if executable else 0o100600
            found.append(
                (
                    Item(path.encode(), content, mode=mode, method=8 * (len(content) % 2)),
                    (tarfile.REGTYPE, 0o755 if executable else 0o644, content),
                )
            )
    return found


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(_names.filter(lambda name: name != "run"), _trees, max_size=5),
    st.randoms(use_true_random=False),
)
def test_any_tree_comes_out_of_its_artefact_as_it_went_in(tree: dict[str, Node], random: object) -> None:
    expected = _items(tree)
    items = [script(), Item(b"noise", bytes(range(256)) * 8, method=0), *[item for item, _ in expected]]
    with tempfile.TemporaryDirectory() as folder:
        made, artefact = process(archive(*items), Path(folder))
        random.shuffle(items)  # type: ignore[attr-defined]  # Hypothesis gives a Random
        again, same = process(archive(*items), Path(folder))
    assert (made, artefact) == (again, same)
    found = {path: (kind, mode, content or b"") for path, (kind, mode, content) in unpacked(artefact).items()}
    assert found.pop("run") == (tarfile.REGTYPE, 0o755, SCRIPT)
    del found["noise"]
    assert found == {item.name.decode().rstrip("/"): content for item, content in expected}
    assert made.unpacked_bytes == sum(len(item.content) for item in items)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_bytes_are_changed_it_is_refused_or_reads_as_before(data: st.DataObject) -> None:
    good = archive(script(), Item(b"a/b", b"content " * 9), Item(b"a/c", b"stored", method=0))
    changed = bytearray(good)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(changed) - 1))
        changed[place] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        before = {content for _, _, content in unpacked(process(good, Path(folder))[1]).values()}
        try:
            _, artefact = process(bytes(changed), Path(folder))
        except BuildRefused:
            return
    assert {content for kind, _, content in unpacked(artefact).values() if kind == tarfile.REGTYPE} <= before
