"""Which files belong to a fingerprint: decisions with their reasons, out of what a host's survey found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from madeus.executor.fingerprint.rules import Rules


class Means(StrEnum):
    """How a file stands in a fingerprint."""

    NOTHING = "nothing"
    """It does not."""
    PACKAGE = "package"
    """By its package's version: it is as the package has it."""
    LIBRARY = "library"
    """By its name, version and build."""
    LINK = "link"
    """By where it leads."""
    CONTENT = "content"
    """By its settings where a lens reads it, else by its chunks."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether and how a file belongs to a fingerprint, and why."""

    means: Means
    reason: str

    @property
    def text(self) -> str:
        """For people: ``+`` or ``-``, the reason, what became of it."""
        if self.means is Means.NOTHING:
            return f"- {self.reason}"
        return f"+ {self.reason}; {_BECAME[self.means]}"


_BECAME = {
    Means.PACKAGE: "as packaged: its package's version stands for it",
    Means.LIBRARY: "by name, version and build",
    Means.LINK: "by where it leads",
    Means.CONTENT: "by its content",
}


@dataclass(frozen=True, slots=True)
class Traced:
    """What traces of an application's start say of its files."""

    total: int
    """Number of traces."""
    readers: Mapping[str, int]
    """In how many of them each path was opened."""
    writers: Mapping[str, int]
    """In how many of them each path was opened for writing."""
    prefix: frozenset[str]
    """Paths that every trace opened in the same order from the beginning."""


def read_traces(traces: Sequence[Sequence[tuple[str, bool]]]) -> Traced:
    """Evidence of traces, each the (path, written) of what was opened, in order.

    The common start-up prefix ends where two traces differ; a file that the application writes in it is no part of it.
    """
    readers: dict[str, int] = {}
    writers: dict[str, int] = {}
    for trace in traces:
        for path in {path for path, _ in trace}:
            readers[path] = readers.get(path, 0) + 1
        for path in {path for path, written in trace if written}:
            writers[path] = writers.get(path, 0) + 1
    prefix: set[str] = set()
    for paths in zip(*([path for path, _ in trace] for trace in traces), strict=False):
        if len(set(paths)) > 1:
            break
        if paths[0] not in writers:
            prefix.add(paths[0])
    return Traced(len(traces), readers, writers, frozenset(prefix if len(traces) > 1 else ()))


def decide(survey: Mapping[str, Any], rules: Rules) -> dict[str, Decision]:
    """A decision for every path that a survey names."""
    traced = read_traces([[(path, bool(written)) for path, written in one] for one in survey["traces"]])
    links = survey["links"]
    paths = {*survey["files"], *survey["libraries"], *traced.readers}
    paths |= {links[path] for path in traced.readers if path in links}
    return {path: _decide(path, survey, traced, rules) for path in sorted(paths)}


def _decide(path: str, survey: Mapping[str, Any], traced: Traced, rules: Rules) -> Decision:
    rule = rules.deciding(path)
    fact = survey["files"].get(path, {})
    if rule is not None and rule.word == "exclude":
        return Decision(Means.NOTHING, f"rule `{rule.text}` ({rule.where})")
    if "unlisted" in fact:
        return Decision(Means.NOTHING, f"a directory that cannot be looked into: {fact['unlisted']}")
    if path in survey["libraries"]:
        return Decision(Means.LIBRARY, "a library or program that the application loads")
    target = survey["links"].get(path)
    if target is not None:
        return Decision(Means.NOTHING, f"a link; see {target}")
    if rule is not None:
        return Decision(_means(fact), f"rule `{rule.text}` ({rule.where})")
    if "package" in fact:
        what = "a configuration file" if "conffile" in fact else "a file"
        return Decision(_means(fact), f"{what} of the package {fact['package']}")
    if "directory" in fact:
        return Decision(
            _means(fact), f"in {fact['directory']}, a configuration directory of {fact['package_of_directory']}"
        )
    aliases = [path, *(link for link, real in survey["links"].items() if real == path)]
    return _by_traces(aliases, traced)


def _means(fact: Mapping[str, str]) -> Means:
    if "link" in fact:
        return Means.LINK
    if fact.get("content") == "as packaged":
        return Means.PACKAGE
    return Means.LIBRARY if "elf" in fact else Means.CONTENT


def _by_traces(aliases: Sequence[str], traced: Traced) -> Decision:
    of = f"of {traced.total} traces of the start"
    written = max(traced.writers.get(path, 0) for path in aliases)
    if written:
        return Decision(Means.NOTHING, f"written in {written} {of}: data, a log or a temporary file")
    if any(path in traced.prefix for path in aliases):
        return Decision(Means.CONTENT, f"read in the start-up prefix that all {traced.total} traces have in common")
    read = max(traced.readers.get(path, 0) for path in aliases)
    if read == traced.total:
        return Decision(Means.CONTENT, f"read, never written, in each {of}")
    return Decision(Means.NOTHING, f"read in {read} {of} only")
