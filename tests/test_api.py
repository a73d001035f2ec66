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


LIVING = """
component Web {{
  initial place off
  place half, on {{ probe run "test -e {pid}" }}
  provide service http at on
  behavior deploy {{
    transition prepare: off -> half {{ run "true" }}
    transition start: half -> on {{ run "touch {pid}" }}
  }}
  behavior stop {{ transition stop: on -> off {{ run "rm -f {pid}; echo stop >> {log}" }} }}
  behavior nothing {{ transition never: off -> half station never }}
}}
component Client {{
  initial place off
  place on
  use service http during on
  transition open: off -> on
}}
assembly shop {{
  web: Web
  client: Client
  connect client.http to web.http
}}
program update for shop {{
  push client.deploy
  wait all
}}
program cut for shop {{
  push web.stop
  wait all
}}
program risky for shop {{
  add more: Web
  push more.deploy on_failure push more.nothing
  wait all
}}
program closing for shop {{
  add last: Web
  push last.deploy
  wait all
}}
"""


def living(folder: Path, **changes: str) -> madeus.Design:
    text = LIVING.replace("place half, on {{", "place half\n  place on {{")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "shop.madeus").write_text(text.format(pid=folder / "pid", log=folder / "log"))
    return madeus.load(folder / "shop.madeus")


def test_an_assembly_lives_from_its_deployment_to_its_destruction(tmp_path: Path) -> None:
    from madeus.executor.live.errors import DeployedAlready, NoLiveAssembly
    from madeus.executor.live.read import lives

    shop, options = living(tmp_path), RunOptions(state=tmp_path / "state")
    with pytest.raises(NoLiveAssembly):
        shop.reconfigure("closing", options=options)
    assert shop.deploy(options=options).ok
    with pytest.raises(DeployedAlready):
        shop.deploy(options=options)
    result = shop.reconfigure("closing", options=options)
    assert result.ok
    assert result.trace.stages == (("closing",),)
    with pytest.raises(madeus.SelectionError, match="closed"):
        shop.destroy("closed", options=options)
    assert shop.destroy(options=options) is None
    assert not lives("shop", tmp_path / "state")


def test_what_is_not_proved_runs_only_by_force(tmp_path: Path) -> None:
    from madeus.living import NotProved

    shop, options = living(tmp_path), RunOptions(state=tmp_path / "state")
    assert shop.deploy(options=options).ok
    with pytest.raises(
        NotProved, match="violated: health: nothing can move although something is left to do"
    ) as caught:
        shop.reconfigure("cut", options=options)
    assert caught.value.proof.exit_code == 1
    with pytest.raises(NotProved) as caught:
        shop.reconfigure("risky", options=options)
    assert str(caught.value).splitlines() == [
        "nothing was started; force=True runs it all the same",
        "violated: if more.start fails, more is left at half: no transition of more.nothing begins there",
    ]
    assert shop.reconfigure("risky", options=options, force=True).ok


def test_probes_are_asked_from_python_unless_the_options_say_no(tmp_path: Path) -> None:
    from dataclasses import replace

    shop, options = living(tmp_path, touch="true || touch"), RunOptions(state=tmp_path / "state")
    found = shop.run(options=options)
    assert found.divergence.startswith("before enter client.on: web.on does not hold any more on local")
    silent = replace(options, probes=False)
    assert shop.run(options=silent).ok
    deployed = shop.deploy(options=options)
    assert deployed.divergence == found.divergence
    taken = replace(silent, take_over=True)
    assert shop.destroy(options=taken) is None


def test_a_program_that_does_not_come_to_its_end_leaves_the_assembly_alive(tmp_path: Path) -> None:
    from madeus.executor.live.read import lives

    shop, options = living(tmp_path), RunOptions(state=tmp_path / "state")
    assert shop.deploy(options=options).ok
    result = shop.destroy("cut", options=options)
    assert result is not None
    assert not result.ok
    assert lives("shop", tmp_path / "state")


def test_a_repair_that_another_run_comes_before_is_planned_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from madeus.planner import repair

    text = DRIFTING.replace(
        "  behavior deploy", '  behavior stop {{ transition stop: on -> off {{ run "true" }} }}\n  behavior deploy'
    )
    file, pid = tmp_path / "shop.madeus", tmp_path / "pid"
    file.write_text((text + "program pause for shop {{ push web.stop }}\n").format(pid=pid))
    shop, options = madeus.load(file), RunOptions(state=tmp_path / "state")
    assert shop.deploy(options=options).ok
    pid.unlink()
    plain, plans = repair.repair, list[object]()

    def intervening(*asked: object, **named: object) -> object:
        plans.append(asked)
        assert shop.reconfigure("pause", options=RunOptions(state=tmp_path / "state", probes=False)).ok
        return plain(*asked, **named)  # type: ignore[arg-type]  # what the door gives

    monkeypatch.setattr(repair, "repair", intervening)
    found = shop.repair(options=options)
    assert len(plans) == 1
    assert (found.ok, found.plan, found.result) == (True, None, None)
    assert not pid.exists()
