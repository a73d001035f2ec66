"""A file and everything it imports: read, parsed, and who sees whom. No recursion, however long a chain of imports is."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from madeus.diagnostics import Diagnostic, Span
from madeus.dsl import sources_errors
from madeus.dsl import syntax as s
from madeus.dsl.parser import Parsed, parse, read
from madeus.dsl.report import Report

LARGEST_FILE = 64 * 1024 * 1024
"""Bytes; a larger file is not read."""
_NOT_READ_ON = "MAD028"
"""The code that says that the rest of a file was left unread."""


@dataclass(slots=True)
class Source:
    """One file of a model."""

    name: str
    """As spans and messages call it."""
    identity: str
    """Its path without links, or the name of a text that is no file."""
    directory: Path
    parsed: Parsed
    imports: list[tuple[int, Span]] = field(default_factory=list)
    """Number of each imported file, and the import."""
    complete: bool = True
    """Whether every import could be read, and the file to its end."""

    @property
    def module(self) -> s.Module:
        return self.parsed.module


@dataclass(slots=True)
class Sources:
    """All files, the first one in front."""

    files: list[Source]
    visible: list[int]
    """For each file the files (bits) whose names it may use: its own and those it imports, directly or not."""
    incomplete: int
    """Files (bits) that were not read whole, or an import of which could not be read."""

    @property
    def faulty(self) -> int:
        """Files (bits) with faults in their syntax."""
        return sum(1 << number for number, source in enumerate(self.files) if not source.parsed.ok)

    @property
    def texts(self) -> dict[str, str]:
        return {source.name: source.parsed.source.text for source in self.files}


def collect(path: Path | str, text: str | None, report: Report) -> Sources | None:
    """Read a file and its imports; `None` when the file itself cannot be read. Faults of all of them are reported."""
    name = str(path)
    if text is None:
        fault = _unsuitable(Path(path))
        if fault is not None:
            report.add(sources_errors.unreadable(name, fault, None))
            return None
        found = read(path)
        if isinstance(found, tuple):
            _report(found, report, None, name)
            return None
        parsed = parse(found.text, name)
    else:
        parsed = parse(text, name)
    first = Source(name, _identity(Path(name)), Path(name).parent, parsed)
    files = [first]
    numbers = {first.identity: 0}
    at = 0
    while at < len(files):
        source = files[at]
        for diagnostic in source.parsed.diagnostics:
            report.add(diagnostic)
        for declaration in source.module.declarations:
            if isinstance(declaration, s.Import):
                _follow(source, declaration, files, numbers, report)
            elif isinstance(declaration, s.Broken) and declaration.kind == "import":
                source.complete = False
        if any(diagnostic.code == _NOT_READ_ON for diagnostic in source.parsed.diagnostics):
            source.complete = False
        at += 1
    _cycles(files, report)
    visible = _visibility(files)
    incomplete = sum(1 << number for number, source in enumerate(files) if not source.complete)
    return Sources(files, visible, incomplete)


def _follow(source: Source, written: s.Import, files: list[Source], numbers: dict[str, int], report: Report) -> None:
    target = written.path.value
    span = written.path.span
    path = source.directory / target
    name = os.path.normpath(os.path.join(os.path.dirname(source.name), target))  # noqa: PTH118, PTH120 - a name, not a path
    identity = _identity(path)
    number = numbers.get(identity)
    if number is None:
        fault = _unsuitable(path)
        if fault is not None:
            report.add(sources_errors.unreadable(name, fault, span))
            source.complete = False
            return
        found = read(path, name)
        if isinstance(found, tuple):
            _report(found, report, span, name)
            source.complete = False
            return
        number = len(files)
        numbers[identity] = number
        files.append(Source(name, identity, path.parent, parse(found.text, name)))
    source.imports.append((number, span))


def _identity(path: Path) -> str:
    try:
        return str(path.resolve())
    except (OSError, ValueError, RuntimeError):
        return str(path)


def _unsuitable(path: Path) -> str | None:
    """Why a path is not read at all: reading a device or a pipe might never end."""
    try:
        if path.is_dir():
            return "it is a directory"
        if path.exists() and not path.is_file():
            return "it is no regular file"
        if path.is_file() and path.stat().st_size > LARGEST_FILE:
            return f"it is larger than {LARGEST_FILE // 1024**2} MB"
    except (OSError, ValueError) as fault:
        return str(fault)
    return None


def _report(found: tuple[Diagnostic, ...], report: Report, span: Span | None, name: str) -> None:
    for diagnostic in found:
        if diagnostic.span is None and span is not None:
            reason = diagnostic.message.partition("cannot be read: ")[2] or "it is no text"
            diagnostic = sources_errors.unreadable(name, reason, span)
        report.add(diagnostic)


def _cycles(files: list[Source], report: Report) -> None:
    """Report each import that leads back to a file that is being followed."""
    finished: set[int] = set()
    path: dict[int, Span] = {}
    stack = [(0, iter(files[0].imports))]
    while stack:
        number, rest = stack[-1]
        step = next(rest, None)
        if step is None:
            finished.add(number)
            path.pop(number, None)
            stack.pop()
            continue
        target, span = step
        path[number] = span
        if target in path:
            around = list(path)[list(path).index(target) :]
            others = tuple((path[n], f"`{files[n].name}` imports on here") for n in around if n != number)
            report.add(sources_errors.import_cycle(tuple(files[n].name for n in around), span, others))
        elif target not in finished:
            stack.append((target, iter(files[target].imports)))


def _visibility(files: list[Source]) -> list[int]:
    """Reachable files of each one, by fixed point in the reverse order of reading."""
    visible = [1 << number for number in range(len(files))]
    changed = True
    while changed:
        changed = False
        for number in range(len(files) - 1, -1, -1):
            reached = visible[number]
            for target, _ in files[number].imports:
                reached |= visible[target]
            if reached != visible[number]:
                visible[number] = reached
                changed = True
    return visible
