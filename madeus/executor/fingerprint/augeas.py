"""Settings of configuration files by Augeas: lenses of Debian's augeas-lenses, run by ``augtool`` on this machine.

The files of all hosts are parsed together, each different content once; hosts need nothing.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

Setting = tuple[tuple[str, ...], str]
"""Where it stands in its file, from the outside in, and its value."""

PATIENCE = 60
"""Seconds that augtool may take for all files."""

_NODE = re.compile(
    r'^(?P<path>/(?:augeas/)?files/\S(?:[^=\\]|\\.|=(?! ))*?)(?: = (?P<value>"(?:[^"\\]|\\.)*"|\(none\)))?$'
)
_POSITION = re.compile(r"\[\d+\]$")
_SAFE = re.compile(r"[^A-Za-z0-9._-]")

NAMING = ("target", "section", "directive")
"""Labels of nodes whose value is their name: ``target = "mysqld"`` is the section mysqld."""


def has_augtool() -> bool:
    """Whether augtool (Debian: augeas-tools) is here."""
    return shutil.which("augtool") is not None


def parse_files(
    contents: Iterable[tuple[str, bytes]], root: Path | None = None
) -> dict[tuple[str, bytes], list[Setting]]:
    """Settings of files, each given as (lens, content). A content that its lens does not read is left out.

    root: an empty directory to work in; without it a temporary one. Comments are no settings. Where augtool breaks or takes
    too long, the halves are tried by themselves. Raises OSError.
    """
    wanted = list(dict.fromkeys(contents))
    if not wanted:
        return {}
    if root is None:
        with tempfile.TemporaryDirectory(prefix="madeus-augeas-") as folder:
            return parse_files(wanted, Path(folder))
    script: list[str] = []
    for number, (lens, content) in enumerate(wanted):
        (root / f"{number}").write_bytes(content if content.endswith(b"\n") else content + b"\n")
        # Each file has a transform of its own, so a lens that is missing takes no other file with it.
        script.append(f'set /augeas/load/F{number}/lens "{_SAFE.sub("", lens)}"')
        script.append(f'set /augeas/load/F{number}/incl "/{number}"')
    script += ["load", "print /augeas/files", "print /files"]
    trees: dict[int, list[tuple[list[str], str | None]]] = {}
    failed: set[int] = set()
    printed = _augtool(root, "\n".join(script) + "\n")
    if printed is None:
        half = len(wanted) // 2
        return {**parse_files(wanted[:half]), **parse_files(wanted[half:])} if half else {}
    for path, value in nodes(printed):
        match path:
            case ["augeas", "files", place, "path"]:
                trees.setdefault(int(place), [])
            case ["augeas", "files", place, "error"]:
                failed.add(int(place))
            case ["files", place, *rest]:
                trees.setdefault(int(place), []).append((rest, value))
            case _:  # what augtool says of files beside that
                pass
    for number in failed:
        trees.pop(number, None)
    return {wanted[number]: settings(tree) for number, tree in sorted(trees.items())}


def _augtool(root: Path, script: str) -> str | None:
    """What it prints; None where it broke or took too long."""
    command = ["augtool", "--noload", "--noautoload", "--root", str(root)]
    try:
        done = subprocess.run(command, input=script.encode(), capture_output=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return None
    return None if done.returncode < 0 else done.stdout.decode(errors="replace")


def nodes(printed: str) -> Iterator[tuple[list[str], str | None]]:
    """(path, value) of each line that augtool prints."""
    for line in printed.splitlines():
        found = _NODE.match(line)
        if found is None:
            continue
        value = found["value"]
        path = [part.replace("\\", "") for part in re.split(r"(?<!\\)/", found["path"])[1:]]
        yield path, _unquoted(value) if value and value.startswith('"') else None


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", lambda one: {"n": "\n", "t": "\t"}.get(one[1], one[1]), value[1:-1])


class _Node:
    __slots__ = ("children", "label", "value")

    def __init__(self, label: str, value: str | None = None) -> None:
        self.label, self.value = label, value
        self.children: dict[str, _Node] = {}


def settings(tree: Sequence[tuple[list[str], str | None]]) -> list[Setting]:
    """The settings of a file's tree, sorted, each once.

    Positions go: what counts is under which names a value stands. The arguments of a directive are its value; those
    of a section belong to its name.
    """
    top = _Node("")
    for path, value in tree:
        node = top
        for part in path:
            node = node.children.setdefault(part, _Node(_POSITION.sub("", part)))
        node.value = value
    found: set[Setting] = set()
    _walk(top, (), found)
    return sorted(found)


def _walk(node: _Node, above: tuple[str, ...], found: set[Setting]) -> None:
    for child in node.children.values():
        if child.label.startswith("#") or child.label in ("arg", "export"):
            continue
        arguments = [one.value or "" for one in child.children.values() if one.label == "arg" and not one.children]
        inner = [one for one in child.children.values() if one.label not in ("arg", "export") and one.label[0] != "#"]
        names_itself = child.label in NAMING and child.value is not None
        name = (child.value or "") if names_itself else child.label
        value = " ".join(arguments) if arguments else "" if names_itself else child.value
        if inner:
            section = " ".join(filter(None, (name, value)))
            _walk(child, (*above, section), found)
        elif not arguments and child.children and child.value is None:
            continue  # a section of comments
        elif arguments or not names_itself or child.label == "directive":
            found.add(((*above, name), value or ""))
