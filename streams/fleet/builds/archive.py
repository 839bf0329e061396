"""A ZIP upload becomes an artefact: read strictly, checked as a whole, then written in one pass.

Nothing is unpacked: content goes from the archive into the .tar.zst, so that no name, link or mode of hostile
origin ever reaches a file system here. Memory stays flat: entries are kept, content is not.
Source: contract/fleet.md, "Builds".
"""

from __future__ import annotations

from typing import Final, NamedTuple

from streams.fleet.builds.artefact import ArtefactWriter, Output
from streams.fleet.builds.executables import HEAD_BYTES, is_runnable, what_it_is
from streams.fleet.builds.limits import ENTRIES_MAX, RATIO_MAX, UNPACKED_BYTES_MAX
from streams.fleet.builds.messages import Log, Made
from streams.fleet.builds.paths import checked_path, checked_target, only_top, parents, resolved
from streams.fleet.builds.refused import BuildRefused, shown
from streams.fleet.builds.zip_entries import Entry, content, read_entries, small_content
from streams.fleet.builds.zip_source import Source

_RESOURCE_FORKS: Final = "__MACOSX"
"""What macOS's Finder adds beside the content."""
_HINTS_MAX: Final = 3


class _Tree(NamedTuple):
    """What an archive holds, by path below the build's root."""

    entries: dict[str, Entry]
    """Files and links."""
    folders: set[str]
    links: dict[str, str]
    """Targets."""


def archive_to_artefact(file: int, executable_path: str, output: Output, log: Log) -> Made:
    """Write the artefact of the ZIP archive in an open file. Raises BuildRefused; then the output is void.

    `executable_path` is the file that is to be run, below the build's root or below the archive's only top
    folder, which then is the root. Called twice with equal archives it writes equal bytes.
    """
    source = Source(file)
    entries = read_entries(source)
    log("info", "validate", f"{len(entries):,} entries in an archive of {source.size:,} bytes")
    _Budget(source.size).take(sum(entry.size for entry in entries))
    wanted = _wanted(executable_path)
    tree = _rooted(_tree(source, entries, log), wanted, log)
    for path in tree.links:
        resolved(path, tree.links)
    executable = _executable(source, tree, wanted)
    log("info", "validate", f"the executable is {shown(wanted)}")
    made = _write(source, tree, wanted, executable, output)
    log(
        "info",
        "archive",
        f"{made.files:,} files, {made.unpacked_bytes:,} bytes, as {made.size_bytes:,} bytes",
    )
    return made


class _Budget:
    """Counts what is written of an archive of so many bytes."""

    def __init__(self, archive_bytes: int) -> None:
        self._ratio_bytes_max = archive_bytes * RATIO_MAX
        self._taken = 0

    def take(self, size: int) -> None:
        """So many bytes more. Raises BuildRefused where they are too many."""
        self._taken += size
        if self._taken > UNPACKED_BYTES_MAX:
            raise BuildRefused(
                f"the archive holds more than {UNPACKED_BYTES_MAX:,} bytes: leave out what no server needs"
            )
        if self._taken > self._ratio_bytes_max:
            raise BuildRefused(
                f"the archive holds more than {RATIO_MAX} times its size: make files of zeros another way"
            )


def _tree(source: Source, entries: list[Entry], log: Log) -> _Tree:
    """The entries by path, without what Finder adds. Raises BuildRefused where they don't fit together."""
    tree = _Tree({}, set(), {})
    named: set[str] = set()
    left_out = 0
    for entry in entries:
        if entry.path in named:
            raise BuildRefused(f"entry {shown(entry.path)} is there twice: zip it anew")
        named.add(entry.path)
        if entry.path.split("/", 1)[0] == _RESOURCE_FORKS:
            left_out += 1
        elif entry.kind == "folder":
            tree.folders.add(entry.path)
        else:
            tree.entries[entry.path] = entry
            if entry.kind == "link":
                tree.links[entry.path] = checked_target(small_content(source, entry), entry.path)
    tree.folders.discard("")
    if left_out:
        log("info", "validate", f"left out {left_out:,} entries of {_RESOURCE_FORKS}, which macOS added")
    _add_parents(tree)
    return tree


def _add_parents(tree: _Tree) -> None:
    """Name the folders that no entry names. Raises BuildRefused where one is no folder, or too many are."""
    for path in [*tree.entries, *tree.folders]:
        for parent in parents(path):
            if parent in tree.entries:
                raise BuildRefused(
                    f"entry {shown(path)} lies below {shown(parent)}, which is a "
                    f"{tree.entries[parent].kind} and no folder: zip it anew"
                )
            tree.folders.add(parent)
        if len(tree.entries) + len(tree.folders) > ENTRIES_MAX:
            raise BuildRefused(
                f"the archive has more than {ENTRIES_MAX:,} files and folders: pack small ones"
            )


def _wanted(executable_path: str) -> str:
    path = checked_path(executable_path, f"executable_path {shown(executable_path)}")
    if not path:
        raise BuildRefused("executable_path is empty: name the file that is to be run")
    return path


def _rooted(tree: _Tree, wanted: str, log: Log) -> _Tree:
    """The tree below its only top folder, where the executable is there and not at the archive's own root."""
    top = only_top([*tree.entries, *tree.folders])
    if wanted in tree.entries or top not in tree.folders or f"{top}/{wanted}" not in tree.entries:
        return tree
    log("info", "validate", f"the only top folder {shown(top)} is the build's root")
    cut = len(top) + 1
    return _Tree(
        {path[cut:]: entry for path, entry in tree.entries.items()},
        {path[cut:] for path in tree.folders if path != top},
        {path[cut:]: target for path, target in tree.links.items()},
    )


def _executable(source: Source, tree: _Tree, wanted: str) -> str:
    """The path of the file to run, through links. Raises BuildRefused."""
    path = resolved(wanted, tree.links)
    entry = tree.entries.get(path)
    if entry is None:
        name = wanted.rsplit("/", 1)[-1]
        alike = sorted(one for one in tree.entries if one.rsplit("/", 1)[-1].lower() == name.lower())
        hint = ", ".join(shown(one) for one in alike[:_HINTS_MAX])
        raise BuildRefused(
            f"there is no file {shown(wanted)} in the archive: give its path as executable_path"
            + (f", such as {hint}" if hint else "")
        )
    head = b""
    for piece in content(source, entry):
        head += piece
        if len(head) >= HEAD_BYTES:
            break
    if not is_runnable(head):
        raise BuildRefused(
            f"the executable {shown(wanted)} is {what_it_is(head)}: build it for Linux on x86-64, or begin "
            "a script with #!"
        )
    return path


def _write(source: Source, tree: _Tree, wanted: str, executable: str, output: Output) -> Made:
    writer = ArtefactWriter(output)
    budget = _Budget(source.size)
    for path in sorted([*tree.entries, *tree.folders]):
        entry = tree.entries.get(path)
        if entry is None:
            writer.folder(path)
        elif entry.kind == "link":
            writer.link(path, tree.links[path])
        else:
            runs = entry.executable or path == executable
            writer.file(path, entry.size, content(source, entry, budget.take), executable=runs)
    sha256, size = writer.end()
    return Made(
        sha256=sha256,
        size_bytes=size,
        unpacked_bytes=writer.unpacked_bytes,
        files=writer.files,
        executable_path=wanted,
    )
