"""Component types with probes, and hosts whose probes answer by a script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from madeus.executor.api import Origin, RunOptions
from madeus.executor.live.change import deploy
from madeus.executor.live.read import Live, read_one
from madeus.executor.result import RunResult
from madeus.executor.testing import FakeWorld
from madeus.executor.transport.base import Job
from madeus.executor.transport.fake import Reply
from madeus.executor.transport.pool import Transports
from madeus.model import Action, Assembly, ComponentType, Program


def probed(kind: ComponentType, *names: str) -> ComponentType:
    """The type with a probe ``look NAME`` at these places and transitions."""

    def probe(name: str) -> Action | None:
        return Action("run", (f"look {name}",)) if name in names else None

    return replace(
        kind,
        places=tuple(replace(p, probe=probe(p.name)) for p in kind.places),
        transitions=tuple(replace(t, probe=probe(t.name)) for t in kind.transitions),
    )


class Hosts:
    """A fake world whose probes fail for the elements named in `gone`, such as ``db.running``."""

    def __init__(self) -> None:
        self.gone: set[str] = set()
        self.asked: list[str] = []
        self.world = FakeWorld(self._reply)
        self.seconds = 0.0
        """Duration of every probe."""
        self.refused = ""
        """Not empty: the hosts start no probe, with this reason."""
        self.answer = b""
        """What actions print."""
        self.printed = b"it is gone"
        """What a probe that fails prints on stderr."""
        self.meanwhile: Callable[[], object] = lambda: None
        """Called at every probe."""

    def _reply(self, host: str, job: Job) -> Reply:
        parts = job.id.split(".")
        if parts[0] != "probe":
            return Reply(stdout=self.answer)
        if self.refused:
            return Reply(refused=self.refused)
        self.meanwhile()
        name = f"{parts[1]}.{parts[3]}".replace("~5b", "[").replace("~5d", "]")
        self.asked.append(name)
        if name in self.gone:
            return Reply(self.seconds, exit_code=7, stdout=b"one\n", stderr=self.printed)
        return Reply(self.seconds)

    def options(self, state: Path, **more: object) -> RunOptions:
        made = RunOptions(state=state, transports=lambda run: Transports(run, make=self.world.transport_maker(run)))
        return replace(made, **more)  # type: ignore[arg-type]

    def deployed(self, model: Assembly, state: Path, *programs: Program) -> RunResult:
        result = deploy(model, (), {p.name: p for p in programs}, Origin(), self.options(state))
        assert result.ok
        return result


def live(state: Path) -> Live:
    return read_one("test", state)
