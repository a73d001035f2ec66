"""``madeus check``: answers, exit codes, what it imports, and every mistake one can make in calling it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from madeus.checker.engine import Exhausted, Watch
from madeus.checker.engines.reference import Reference
from madeus.checker.portfolio import ENGINES
from madeus.checker.problem import Problem
from madeus.checker.verdict import Fails, Verdict
from madeus.cli import cli
from madeus.cli.guard import guarded
from madeus.semantics import Step, StepKind, Trace
from tests.checker.report.build import RACE

ROOT = Path(__file__).parents[2]
OPENSTACK = str(ROOT / "examples/openstack.madeus")
LAMP = str(ROOT / "examples/lamp/lamp.madeus")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "madeus" / "check"


@pytest.fixture
def race(tmp_path: Path) -> str:
    """A file with violated, verified, vacuous properties and a deadlock."""
    file = tmp_path / "race.madeus"
    file.write_text(RACE.replace("  parallelism <= 1\n", ""))
    return str(file)


def madeus(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(cli, ["check", *arguments])
    assert result.exit_code == code, result.output
    return result


# ---- answers


def test_a_verified_property_says_by_which_engine_how_many_states_how_long_and_on_what_it_rests() -> None:
    lines = madeus(OPENSTACK, "--verify", "1#1").stdout.splitlines()
    assert lines[1] == "  holds         deployable up"
    assert lines[2].startswith("                by structural, 106 states, ")
    assert "ms; rests on: every started action ends, whatever time actions take, no action fails" in lines[2]
    assert lines[-1] == "1 of 1 property verified"


def test_openstack_is_verified_with_its_reference_values() -> None:
    text = madeus(OPENSTACK).stdout
    assert "boundaries up: 122.875 s to 143.18 s" in text
    assert "nova.restart 9.675 s -> nova.cell_setup 46.354 s" in text
    assert text.endswith("6 of 6 properties verified\n")


def test_a_violated_property_shows_the_shortest_run_in_the_models_words(race: str) -> None:
    text = madeus(race, "--verify", "1#1", code=1).stdout
    assert "error[MAD160]: `deployable served` is violated: the run ends and served (c.on) does not hold" in text
    assert "29 |   deployable served" in text
    assert "step 10: web leaves on; web.http goes off" in text
    assert "web.start starts on host1" in text
    assert "fire c.start: use port c.web waits for web.http, which is not active" in text
    assert text.endswith("0 of 1 property verified, 1 violated\n")


def test_a_run_that_takes_too_long_is_told_by_its_critical_path(tmp_path: Path) -> None:
    file = tmp_path / "slow.madeus"
    file.write_text(
        (ROOT / "examples/lamp/lamp.madeus").read_text().replace("duration up <= 5min", "duration up <= 2min")
    )
    text = madeus(str(file), "--verify", "1#4", "--no-health", code=1).stdout
    assert "violated      duration up <= 2min: 6 s to 142 s" in text
    assert "the time is that of db.provision 2 s -> db.pull 120 s -> db.start 10 s -> db.check 5 s -> web[" in text
    assert "db.pull ends" in text
    assert "db.configure" not in text


def test_health_checks_are_answered_without_being_asked_and_are_warnings(tmp_path: Path, race: str) -> None:
    assert "warning[MAD163]: `site after up and down` may come to a deadlock" in madeus(race, code=1).stdout
    assert "MAD163" not in madeus(race, "--no-health", code=1).stdout
    file = tmp_path / "plain.madeus"
    file.write_text(
        "component W { initial place off place on transition one: off -> on station a transition two: off -> on "
        "station b }\nassembly s { w: W }\n"
    )
    text = madeus(str(file)).stdout
    assert "warning[MAD164]: in `s` two tokens may meet: a second token came for place w.on, which holds one" in text
    assert text.endswith("nothing is asked: there is no verify block, 1 health warning\n")
    assert "MAD164" in madeus(str(file), "--strict", code=1).stdout


def test_what_moves_in_one_verify_block_is_not_called_dead_in_another(tmp_path: Path) -> None:
    text = (ROOT / "examples/site.madeus").read_text().replace("  available server.web off <= 20s\n", "")
    file = tmp_path / "site.madeus"
    file.write_text(text)
    # `restart` only moves in the second block.
    assert "MAD165" not in madeus(str(file)).stdout
    first = text.partition("verify site after install, upgrade")[0]
    file.write_text(first)
    assert "transition server.restart never fires" in madeus(str(file)).stdout


def test_violated_comes_before_inconclusive(race: str) -> None:
    huge = Path(race).with_name("huge.madeus")
    huge.write_text(HUGE)
    few = ("--engine", "reference", "--budget", "100ms", "--no-health")
    madeus(str(huge), *few, code=3)
    assert "2 violated, 1 inconclusive" in madeus(race, str(huge), *few, code=1).stdout


def test_files_are_checked_one_after_another_and_bad_input_comes_first(tmp_path: Path, race: str) -> None:
    bad = tmp_path / "bad.madeus"
    bad.write_text("assembly a { x: Nope }\n")
    text = madeus(str(bad), race, LAMP, code=2).stdout
    assert "error[MAD050]" in text
    assert "MAD160" in text
    assert "verify lamp" in text
    assert text.endswith("1 file with errors\n")


def test_a_property_is_chosen_by_number_or_title(race: str) -> None:
    for chosen, questions in (("2", 2), ("site after up", 2), ("site  after up#2", 1), ("1#2", 1)):
        value = json.loads(madeus(race, "--verify", chosen, "--format", "json").stdout)
        assert sum(value["counts"].values()) == questions


def test_the_blocks_are_listed_without_being_answered(race: str) -> None:
    lines = madeus(race, "--list").stdout.splitlines()
    assert lines[0].endswith("race.madeus:27:8: 1 verify site after up and down")
    assert "  2#1  deployable served" in lines
    assert lines[-1].endswith("health of site")


def test_parameters_are_set() -> None:
    value = json.loads(madeus(LAMP, "--set", "n=5", "--verify", "1#3", "--format", "json").stdout)
    assert value["files"][0]["verify"][0]["properties"][0]["measure"]["maximum"] == 13


def test_a_second_engine_confirms_and_a_disagreement_is_our_bug(
    race: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = madeus(race, "--verify", "1#2", "--cross-check").stdout
    assert "cross-checked with " in said
    assert ", cached" not in said

    def liar(self: Reference, problem: Problem, watch: Watch) -> Verdict:
        return Fails("no")

    monkeypatch.setattr(Reference, "answer", liar)
    only = {name: ENGINES[name] for name in ("explicit", "reference")}
    monkeypatch.setattr("madeus.checker.session.ENGINES", only)
    assert guarded(cli, ["check", race, "--verify", "1#2", "--cross-check", "--engine", "explicit"]) == 70
    assert "the engines disagree about `deployable served possible`" in capsys.readouterr().err


def test_a_kept_answer_says_that_it_was_cross_checked_and_not_that_it_could_not_be(
    race: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed = madeus(race, "--verify", "1#2", "--cross-check").stdout
    note = next(line.strip() for line in confirmed.splitlines() if "cross-checked with " in line)
    assert f"{note}, cached" in madeus(race, "--verify", "1#2").stdout
    monkeypatch.setattr("madeus.checker.session.ENGINES", {})
    assert "no other engine could answer within the budget" in madeus(race, "--verify", "1#2", "--cross-check").stdout
    assert "cross-checked" not in madeus(race, "--verify", "1#2").stdout


def test_a_counterexample_that_is_no_run_is_our_bug(
    race: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from madeus.semantics import Event

    def liar(self: Reference, problem: Problem, watch: Watch) -> Verdict:
        return Fails("no", Trace("site", (Event(0.0, Step(StepKind.END, "web", "start"), -1),)))

    monkeypatch.setattr(Reference, "answer", liar)
    assert guarded(cli, ["check", race, "--verify", "1#1", "--engine", "reference"]) == 70
    error = capsys.readouterr().err
    assert "an engine's counterexample is not a run: step 0 (end web.start) is not enabled" in error
    assert "This is a bug in madeus" in error


# ---- outputs


@pytest.mark.parametrize("form", ["json", "sarif", "junit", "github", "gitlab", "text"])
def test_every_form_goes_to_a_file_or_to_standard_output(race: str, tmp_path: Path, form: str) -> None:
    out = tmp_path / "report"
    assert madeus(race, "--format", form, "-o", str(out), code=1).stdout == ""
    shown = madeus(race, "--format", form, code=1).stdout
    assert shown.strip()
    assert out.read_text().splitlines()[0] == shown.splitlines()[0]


def test_the_counterexample_is_written_as_a_page_and_as_a_trace(race: str, tmp_path: Path) -> None:
    page, trace = tmp_path / "why.html", tmp_path / "why.json"
    result = madeus(race, "--trace", str(page), code=1)
    assert f"{page} shows why `deployable served` of site after up and down is violated" in result.stderr
    assert "<script" in page.read_text()
    madeus(race, "--trace", str(trace), code=1)
    value = json.loads(trace.read_text())
    assert value["banner"]["title"].startswith("deployable served: the run ends")
    assert any("c.web waits for web.http" in line for line in value["banner"]["lines"])
    assert len(Trace.from_json(value["trace"]).events) == 14


def test_a_witness_is_written_where_nothing_is_violated(tmp_path: Path) -> None:
    trace = tmp_path / "slow.json"
    assert "nothing is violated" in madeus(OPENSTACK, "--verify", "1#6", "--trace", str(trace)).stderr
    assert json.loads(trace.read_text())["trace"]["makespan"] == pytest.approx(143.18)
    none = tmp_path / "none.html"
    assert "was not written" in madeus(OPENSTACK, "--verify", "1#1", "--trace", str(none)).stderr
    assert not none.exists()


# ---- cache


def results(*arguments: str, code: int = 0) -> list[bool]:
    """Whether each answer came from the cache."""
    value = json.loads(madeus(*arguments, "--format", "json", code=code).stdout)
    blocks = [b for f in value["files"] for b in (*f["verify"], *f["health"])]
    return [p["cached"] for b in blocks for p in b["properties"]]


def test_an_unchanged_block_is_answered_from_the_cache_with_the_same_report(race: str, cache: Path) -> None:
    first = madeus(race, code=1).stdout
    assert len(list(cache.iterdir())) == len(results(race, code=1))
    assert all(results(race, code=1))
    again = madeus(race, code=1).stdout
    assert again.count(", from the cache") == first.count("by ")
    assert not any(results(race, "--no-cache", code=1))


def test_only_what_an_answer_depends_on_makes_it_stale(race: str) -> None:
    file = Path(race)
    text = file.read_text()
    madeus(race, code=1)
    # Comments, hosts and commands change nothing of what can happen.
    file.write_text("// moved\n" + text.replace("on host1", "on host9").replace("takes 3s }", 'takes 3s { run "x" } }'))
    assert all(results(race, code=1))
    file.write_text(text.replace("takes 3s", "takes 4s"))
    assert not any(results(race, code=1))
    # Another program touches the first block and the health of both only.
    file.write_text(text.replace("push web.stop", "wait web push web.stop"))
    assert results(race, "--verify", "2", code=0) == [True, True]
    assert not any(results(race, "--verify", "1", code=1))


def test_another_engine_is_another_question(race: str) -> None:
    madeus(race, code=1)
    assert not any(results(race, "--engine", "reference", code=1))


@pytest.mark.parametrize(
    "damage",
    [b"", b"\xff\xfe", b"[]", b"{}", b'{"format":1,"holds":true}', b"[" * 100_000],
)
def test_a_damaged_cache_is_asked_anew_and_mended(race: str, cache: Path, damage: bytes) -> None:
    first = madeus(race, code=1).stdout
    for entry in cache.iterdir():
        entry.write_bytes(damage)
    assert not any(results(race, code=1))
    assert all(results(race, code=1))
    assert madeus(race, code=1).stdout.count("holds") == first.count("holds")


def test_a_counterexample_of_the_cache_that_is_no_run_is_not_shown(race: str, cache: Path) -> None:
    madeus(race, code=1)
    for entry in cache.iterdir():
        value = json.loads(entry.read_text())
        if value.get("trace"):
            value["trace"]["events"].reverse()
            for event in value["trace"]["events"]:
                event["cause"] = -1
            entry.write_text(json.dumps(value))
    assert "warning[MAD163]" in madeus(race, code=1).stdout


def test_an_unwritable_cache_is_as_good_as_none(race: str, cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("a file where the directory should be")
    assert not any(results(race, code=1))


def test_the_oldest_entries_go_when_there_are_too_many(race: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("madeus.cli.cache.MOST_ENTRIES", 3)
    madeus(race, code=1)
    assert len(list(cache.iterdir())) == 3


# ---- mistakes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.madeus"], "nowhere.madeus"),
        ([str(ROOT / "examples")], "it is a directory"),
        ([OPENSTACK, "--verify", "openstak"], "there is no verify block openstak; there is: 1 (openstack)"),
        ([OPENSTACK, "--verify", "9"], "there is no verify block 9; there is: 1 (openstack)"),
        ([OPENSTACK, "--verify", "1#70"], "there is no property 1#70; there is: 1#1 (deployable up)"),
        ([OPENSTACK, "--assembly", "zzz"], "there is no assembly zzz; there is: openstack"),
        ([OPENSTACK, "--engine", "magic"], "no engine is called magic; there are auto, structural"),
        ([OPENSTACK, "--budget", "soon"], "'soon' is no duration: write 60s, 2min, 1h, 500ms, or none"),
        ([OPENSTACK, "--budget=-3s"], "'-3s' is no duration"),
        ([OPENSTACK, "--budget", "9999999999h"], "is no duration"),
        ([OPENSTACK, "--memory", "lots"], "'lots' is no size: write 4G, 512M, or none"),
        ([OPENSTACK, "--set", "n"], "--set n: write it as NAME=VALUE, such as n=5"),
        ([OPENSTACK, "--set", "n=3"], "n"),
        ([OPENSTACK, "-o", "/nowhere/out"], "--output /nowhere/out: there is no directory /nowhere"),
        ([OPENSTACK, "-o", "/"], "is a directory"),
        ([OPENSTACK, "--trace", "/nowhere/out.html"], "--trace /nowhere/out.html: there is no directory"),
        ([OPENSTACK, "--format", "pdf"], "'pdf' is not one of"),
        ([], "Missing argument 'FILE...'"),
    ],
)
def test_a_mistake_in_the_call_is_named_with_exit_code_2(arguments: list[str], message: str) -> None:
    result = madeus(*arguments, code=2)
    assert message in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("goal up = web.nowhere", "MAD"),
        ("goal up = nobody.on", "MAD055"),
        ("deployable sky", "MAD"),
        ("sequence web.start, c.fly", "MAD"),
        ("available c.web", "MAD"),
        ("with failures -1 { terminates }", "MAD"),
    ],
)
def test_questions_about_what_is_not_there_are_diagnosed_with_exit_code_2(race: str, line: str, code: str) -> None:
    file = Path(race)
    file.write_text(file.read_text().replace("  sequence web.start, c.start\n", f"  {line}\n"))
    assert f"error[{code}" in madeus(race, code=2).stdout


def test_contradictory_intervals_are_diagnosed_with_exit_code_2(race: str) -> None:
    file = Path(race)
    file.write_text(file.read_text().replace("takes 1s..2s", "takes 2s..1s"))
    assert "error[MAD" in madeus(race, code=2).stdout


def test_machines_get_the_errors_of_a_text_too(race: str) -> None:
    Path(race).write_text("assembly a { x: Nope }\n")
    result = madeus(race, "--format", "sarif", code=2)
    assert json.loads(result.stdout)["runs"][0]["results"][0]["ruleId"] == "MAD050"
    assert "error[MAD050]" in result.stderr


HUGE = """component Cell {
  initial place a
  place b
  behavior go   { transition there: a -> b }
  behavior back { transition here: b -> a }
}
assembly grid { c[1..24]: Cell }
program up for grid { for i in 1..24 { push c[i].go } }
program down for grid { for i in 1..24 { push c[i].back } }
verify grid after up and down { confluent }
"""


def test_a_huge_model_ends_with_the_budget_and_is_never_called_verified(tmp_path: Path) -> None:
    file = tmp_path / "huge.madeus"
    file.write_text(HUGE)
    began = time.monotonic()
    result = madeus(str(file), "--engine", "reference", "--budget", "300ms", code=3)
    assert time.monotonic() - began < 60
    assert "warning[MAD161]: nobody knows whether `confluent` holds: the budget is spent" in result.stdout
    assert "unknown       grid after up and down: the budget is spent" in result.stdout


def test_memory_that_runs_out_is_inconclusive(race: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(self: Reference, problem: Problem, watch: Watch) -> Verdict:
        raise MemoryError

    monkeypatch.setattr(Reference, "answer", greedy)
    assert "memory ran out" in madeus(race, "--verify", "1#1", "--engine", "reference", code=3).stdout


def test_an_exhausted_engine_is_no_answer(race: str, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    def tired(self: Reference, problem: Problem, watch: Watch) -> Verdict:
        raise Exhausted("1 B of memory")

    monkeypatch.setattr(Reference, "answer", tired)
    text = madeus(race, "--verify", "1#1", "--engine", "reference", code=3).stdout
    assert "the budget is spent: 1 B of memory" in text
    assert "raise `--budget` or `--memory`" in text
    assert not cache.exists(), "what nobody knows is not kept"


# ---- as a process


def process(*arguments: str, **more: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "madeus", "check", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, **more)  # type: ignore[call-overload, no-any-return]


def test_checking_imports_nothing_that_it_does_not_need() -> None:
    program = (
        "import sys\nfrom madeus.cli.root import cli\n"
        f"try:\n    cli(['check', '--no-cache', {OPENSTACK!r}])\nexcept SystemExit as end:\n    code = end.code\n"
        "heavy = {'asyncssh', 'sqlalchemy', 'starlette', 'rich', 'z3', 'snakes', 'networkx', 'graphviz', 'jinja2',\n"
        "         'asyncio', 'sqlite3', 'numpy', 'numba', 'madeus.executor', 'madeus.view', 'madeus.web'}\n"
        "print('imported:', sorted(heavy & set(sys.modules)), code)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported: [] 0"


@pytest.fixture
def interrupted(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has begun a question without end."""
    file = tmp_path / "huge.madeus"
    file.write_text(HUGE)
    started = process(str(file), "--engine", "reference", "--budget", "120s", "--memory", "1G", bufsize=1)
    assert started.stdout is not None
    yield started
    started.kill()
    started.communicate()


def test_an_interrupt_ends_a_long_question_cleanly(interrupted: subprocess.Popen[str]) -> None:
    time.sleep(1.5)
    interrupted.send_signal(signal.SIGINT)
    _, error = interrupted.communicate(timeout=60)
    assert interrupted.returncode == 130
    assert error.splitlines()[-1] == "interrupted"
    assert "Traceback" not in error


def saved(file: str, text: str) -> None:
    """Write a file as editors do, in one go."""
    new = Path(file).with_suffix(".new")
    new.write_text(text)
    new.replace(file)


def test_watching_checks_again_when_a_file_is_saved_and_ends_with_an_interrupt(race: str) -> None:
    started = process(race, "--watch", "--verify", "1#1", env={**os.environ, "PYTHONUNBUFFERED": "1"})
    assert started.stdout is not None
    assert started.stderr is not None
    try:
        assert started.stderr.readline() == "watching 1 file; Ctrl-C ends it\n"
        saved(race, "assembly broken {\n")
        assert started.stderr.readline() == "watching 1 file; Ctrl-C ends it\n"
        saved(race, RACE.replace("up and down", "up"))
        assert started.stderr.readline() == "watching 1 file; Ctrl-C ends it\n"
        started.send_signal(signal.SIGINT)
        out, _ = started.communicate(timeout=60)
    finally:
        started.kill()
    assert started.returncode == 0
    first, _, rest = out.partition("1 violated\n")
    assert "error[MAD160]" in first
    assert "file with errors" in rest
    assert rest.endswith("1 of 1 property verified\n")
