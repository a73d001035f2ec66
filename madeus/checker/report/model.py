"""What every form of report is made from: files, their blocks of questions, and the answers with their diagnostics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from madeus.checker.explanation import Explanation
from madeus.checker.problem import Health, Problem
from madeus.checker.verdict import Assumption, Fails, Holds, Unknown, Verdict
from madeus.diagnostics import Diagnostic, Span


class Outcome(StrEnum):
    """A verdict in one word."""

    HOLDS = "holds"
    VIOLATED = "violated"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Checked:
    """A question and its answer."""

    problem: Problem
    verdict: Verdict
    block: str
    """Title of the block it belongs to."""
    number: int
    """Position in the block, from 1."""
    span: Span | None = None
    """Where the question is written; that of the assembly for the health checks."""
    explanation: Explanation | None = None
    """Why it is violated, replayed; None when it is not, or when no single run shows it."""
    diagnostics: tuple[Diagnostic, ...] = ()
    """What a person should read about it, for terminals, editors and the trackers of forges."""
    cached: bool = False
    """Whether the answer was found in the cache."""

    @property
    def outcome(self) -> Outcome:
        """The verdict in one word."""
        match self.verdict:
            case Holds():
                return Outcome.HOLDS
            case Fails():
                return Outcome.VIOLATED
            case Unknown():
                return Outcome.INCONCLUSIVE

    @property
    def health(self) -> bool:
        """Whether nobody asked: findings are warnings."""
        return isinstance(self.problem.question, Health)

    @property
    def question(self) -> str:
        """The question as written in the language."""
        return "health checks" if self.health else str(self.problem)


@dataclass(frozen=True)
class Block:
    """A verify block, or the health checks of an assembly."""

    title: str
    number: int
    """Position in the file, from 1; 0 for health checks."""
    span: Span | None
    results: tuple[Checked, ...] = ()
    doc: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileReport:
    """All that was found about one file."""

    file: str
    """As the user named it."""
    blocks: tuple[Block, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    """What the language has to say about the text."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Text of every file that was read, by the name that spans use."""

    @property
    def faulty(self) -> bool:
        """Whether the text has errors, so that nothing was asked of it."""
        return any(diagnostic.is_error for diagnostic in self.diagnostics)

    @property
    def results(self) -> Iterator[Checked]:
        """The answers of all blocks."""
        for block in self.blocks:
            yield from block.results


@dataclass(frozen=True)
class Report:
    """All files of one check."""

    files: tuple[FileReport, ...]
    strict: bool = False
    """Whether a finding of the health checks counts as a violation."""
    version: str = ""
    """Of the program that made it."""

    @property
    def results(self) -> tuple[Checked, ...]:
        """The answers to what was asked in all files, health checks left out."""
        return tuple(r for file in self.files for r in file.results if not r.health)

    @property
    def health(self) -> tuple[Checked, ...]:
        """The health checks of all files."""
        return tuple(r for file in self.files for r in file.results if r.health)

    @property
    def holds(self) -> bool:
        """Whether every file could be read and every question was answered with yes."""
        return self.exit_code == 0

    @property
    def violated(self) -> tuple[Checked, ...]:
        """What is violated."""
        return tuple(r for r in self.results if r.outcome is Outcome.VIOLATED)

    @property
    def inconclusive(self) -> tuple[Checked, ...]:
        """What nobody knows."""
        return tuple(r for r in self.results if r.outcome is Outcome.INCONCLUSIVE)

    @property
    def diagnostics(self) -> Iterator[Diagnostic]:
        """Those of the texts and of the answers, file by file."""
        for file in self.files:
            yield from file.diagnostics
            for result in file.results:
                yield from result.diagnostics

    @property
    def exit_code(self) -> int:
        """2: a text has errors; else 1: something is violated; else 3: something is not known; else 0."""
        if any(file.faulty for file in self.files):
            return 2
        if self.violated or (self.strict and any(r.diagnostics for r in self.health if r.outcome is not _UNKNOWN)):
            return 1
        return 3 if self.inconclusive else 0


_UNKNOWN = Outcome.INCONCLUSIVE


def rests_on(assumptions: tuple[Assumption, ...]) -> str:
    """What an answer rests on, as one phrase."""
    return ", ".join(str(assumption) for assumption in assumptions)
