"""A report with everything that can be in one, and the models it is made of."""

from __future__ import annotations

from pathlib import Path

from madeus.checker.engine import Budget
from madeus.checker.plan import Wish
from madeus.checker.report import FileReport, Report
from madeus.checker.report.model import Block, Checked
from madeus.checker.session import Session
from madeus.checker.verdict import Evidence, with_evidence
from madeus.dsl import load

RACE = """
/// A client that may come too late.
component Web {
  initial place off
  place on
  provide service http at on
  behavior start { transition start: off -> on takes 1s..2s }
  behavior stop  { transition stop: on -> off takes 1s }
}

component Client {
  initial place off
  place on
  use service web for start
  behavior start { transition start: off -> on takes 3s }
}

assembly site {
  web: Web    on host1
  c:   Client on host2
  connect c.web to web.http
}

program up for site { push web.start push c.start }
program down for site { push web.stop }

verify site after up and down {
  goal served = c.on
  deployable served
  deployable served possible
  sequence web.start, c.start
  sequence c.start, web.start
  parallelism <= 1
}

verify site after up {
  goal served = c.on
  deployable served
  sequence c.start, web.stop
}
"""


def checked(text: str = RACE, name: str = "models/race.madeus", wish: Wish | None = None) -> FileReport:
    """Everything that is asked of a text, answered."""
    loaded = load(Path(name), text=text)
    if loaded.model is None:
        return FileReport(name, (), loaded.diagnostics, loaded.files)
    blocks = Session(wish or Wish(engine="reference")).check(loaded.model, loaded.source_map.get)
    return FileReport(name, blocks, loaded.diagnostics, loaded.files)


def steady(file: FileReport) -> FileReport:
    """The same with times that do not change from one run to the next."""
    blocks = tuple(
        Block(b.title, b.number, b.span, tuple(_steady(r) for r in b.results), b.doc, b.notes) for b in file.blocks
    )
    return FileReport(file.file, blocks, file.diagnostics, file.texts)


def _steady(result: Checked) -> Checked:
    e = result.verdict.evidence
    verdict = with_evidence(result.verdict, Evidence(e.engine, e.states, 0.0125, e.assumptions, e.notes))
    return Checked(
        result.problem,
        verdict,
        result.block,
        result.number,
        result.span,
        result.explanation,
        result.diagnostics,
        result.cached,
    )


def everything() -> Report:
    """Violated, verified, inconclusive and vacuous properties, a deadlock, and a text with errors."""
    tight = Wish(engine="reference", budget=Budget(states=3), verify="1#1")
    broken = "component X { initial place a, }\nassembly s { x: Y }\n"
    files = (
        steady(checked()),
        steady(checked(name="models/tight.madeus", wish=tight)),
        checked(broken, "models/broken.madeus"),
    )
    return Report(files, version="1.2.3")
