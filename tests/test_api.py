"""The door for Python programs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import madeus
from madeus.executor.api import RunOptions

ROOT = Path(__file__).parents[1]


def test_the_door_has_these_names_and_no_others() -> None:
    names = {"Design", "LoadError", "Questions", "Report", "SelectionError", "Simulation", "Trace", "load"}
    assert set(madeus.__all__) == names | {"Fails", "Holds", "Unknown", "Verdict"}
    assert all(getattr(madeus, name) for name in madeus.__all__)
    with pytest.raises(AttributeError):
        madeus.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_a_file_is_loaded_and_simulated() -> None:
    design = madeus.load(ROOT / "examples/openstack.madeus")
    assert repr(design) == "<Design assembly openstack>"
    assert design.simulate(durations="max").trace.makespan == pytest.approx(143.18)
    assert design.simulate(durations={"nova.cell_setup": 1000.0}).trace.makespan > 1000
    assert design.simulate(durations="random", seed=3) == design.simulate(durations="random", seed=3)


def test_programs_and_parameters_are_chosen_by_name() -> None:
    site = madeus.load(ROOT / "examples/site.madeus")
    assert site.simulate(programs=["install", "upgrade"]).trace.stages == (("install",), ("upgrade",))
    lamp = madeus.load(ROOT / "examples/lamp/lamp.madeus", n=5)
    assert len(lamp.assembly().instances) == 6


def test_errors_of_a_file_come_as_one_exception_with_all_diagnostics(tmp_path: Path) -> None:
    file = tmp_path / "bad.madeus"
    file.write_text("assembly a { x: Nope  y: Neither }\n")
    with pytest.raises(madeus.LoadError) as caught:
        madeus.load(file)
    assert len(caught.value.diagnostics) == 2
    assert "x: Nope" in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"assembly": "sit"}, "did you mean site?"),
        ({"programs": ["instal"]}, "did you mean install?"),
        ({"durations": "sometimes"}, "durations are min, mean, max, random or a table"),
    ],
)
def test_what_is_not_there_is_a_selection_error(arguments: dict[str, object], message: str) -> None:
    site = madeus.load(ROOT / "examples/site.madeus")
    with pytest.raises(madeus.SelectionError) as caught:
        site.simulate(**arguments)  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_verify_blocks_are_checked_and_the_report_has_typed_verdicts() -> None:
    lamp = madeus.load(ROOT / "examples/lamp/lamp.madeus")
    report = lamp.check()
    assert isinstance(report, madeus.Report)
    assert report.holds
    assert [type(r.verdict) for r in report.results] == [madeus.Holds] * 5
    assert [r.question for r in lamp.check(verify="1#3").results] == ["parallelism >= 3"]
    assert lamp.check(verify=1, health=False).health == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"verify": 7}, "there is no verify block 7; there is: 1 (lamp)"),
        ({"verify": "1#9"}, "there is no property 1#9"),
        ({"assembly": "lamb"}, "there is no assembly lamb"),
        ({"engine": "magic"}, "no engine is called magic"),
    ],
)
def test_a_block_or_an_engine_that_is_not_there_is_a_selection_error(
    arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(madeus.SelectionError) as caught:
        madeus.load(ROOT / "examples/lamp/lamp.madeus").check(**arguments)  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_a_design_runs_on_this_machine_inside_an_event_loop_too(tmp_path: Path) -> None:
    file = tmp_path / "one.madeus"
    file.write_text(
        f"""component One {{
  initial place off
  place on
  provide data word: string at on
  transition start: off -> on {{ run "echo hello | tee {tmp_path}/out" -> word }}
}}
assembly one {{ x: One }}
"""
    )
    options = RunOptions(state=tmp_path / "state")
    assert madeus.load(file).run(options=options).exit_code == 0

    async def notebook() -> int:
        return madeus.load(file).run(options=options).exit_code

    assert asyncio.run(notebook()) == 0
    assert (tmp_path / "out").read_text() == "hello\n"


def test_a_design_is_drawn_for_a_notebook() -> None:
    drawing = madeus.load(ROOT / "examples/site.madeus").draw()
    assert drawing.dot.startswith("digraph")
    assert "</svg>" in drawing.svg


DRIFTING = """
component Web {{
  initial place off
  place on {{ probe run "test -e {pid}" }}
  behavior deploy {{
    transition start: off -> on {{ run "touch {pid}" }}
  }}
}}
assembly shop {{
  web: Web
}}
"""


def test_drift_is_seen_and_repaired_in_one_call_each(tmp_path: Path) -> None:
    from madeus.executor.live.change import deploy

    pid, file = tmp_path / "pid", tmp_path / "shop.madeus"
    file.write_text(DRIFTING.format(pid=pid))
    shop, options = madeus.load(file), RunOptions(state=tmp_path / "state")
    assert deploy(shop.assembly(), options=options).ok
    assert shop.drift(options=options).components == frozenset()
    nothing = shop.repair(options=options)
    assert nothing.ok
    assert nothing.result is None
    pid.unlink()
    assert shop.drift(options=options).components == {"web"}
    mended = shop.repair(options=options)
    assert mended.ok
    assert mended.plan is not None
    assert "push web.deploy" in mended.plan.text
    assert pid.exists()
    assert shop.drift(options=options).components == frozenset()
    with pytest.raises(madeus.SelectionError, match="has no place nowhere"):
        shop.repair(at={"web": "nowhere"}, options=options)
    assert shop.repair(at={"web": "off"}, options=options).ok
