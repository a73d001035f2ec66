"""The journal's file: versions, damage, locks, fencing, batches."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from madeus.executor.inventory import Inventory, parse_inventory
from madeus.executor.journal import schema
from madeus.executor.journal.errors import (
    AssemblyLocked,
    FencedOff,
    Holder,
    JournalTooNew,
    JournalUnusable,
    NoJournal,
    NotResumable,
    UnknownRun,
)
from madeus.executor.journal.events import AttemptRecord, AttemptState, Record, RunEnded, RunState, StepRecord
from madeus.executor.journal.lock import holder_of, is_alive, machine_id, open_run, process_ticks, reopen_run
from madeus.executor.journal.schema import SCHEMA
from madeus.executor.journal.snapshot import (
    inventory_from_json,
    inventory_to_json,
    produced_from_text,
    produced_to_text,
)
from madeus.executor.journal.store import FILE, Journal, state_directory
from madeus.executor.journal.writer import Writer
from madeus.model import Secret
from madeus.semantics import Step, StepKind


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal.open(tmp_path)
    yield opened
    opened.close()


def begin(journal: Journal, lock: str = "here", assembly: str = "lamp", **given: object) -> Holder:
    return open_run(
        journal,
        assembly=assembly,
        stages=[["a", "b"], ["c"]],
        file="/x/lamp.madeus",
        base="/x",
        digest="d",
        lock=lock,
        program={"p": 1},
        inventory={},
        settings={"limit": None},
        **given,  # type: ignore[arg-type]
    )


def step(seq: int, kind: StepKind = StepKind.FIRE) -> StepRecord:
    return StepRecord(seq, seq / 2, Step(kind, "db", "start"), seq - 1)


def attempt(state: AttemptState, **more: object) -> AttemptRecord:
    return replace_record(AttemptRecord(0, 0, 1, 0, "run", "h", state), **more)


def replace_record(record: AttemptRecord, **more: object) -> AttemptRecord:
    return record._replace(**more)


def test_what_was_written_is_read(journal: Journal) -> None:
    holder = begin(journal)
    records: list[Record] = [step(0), step(1, StepKind.END)._replace(produced='[["ip","x"]]')]
    journal.write(holder.run, 1, [*records, attempt(AttemptState.RUNNING, began=1.0, job="j", boot="b")])
    ended = attempt(AttemptState.DONE, began=9.0, ended=2.0, stdout=b"\xff\x00", exit_code=0)
    journal.write(holder.run, 1, [ended, RunEnded(RunState.DONE, 5.0)])
    assert journal.steps(holder.run) == records
    (read,) = journal.attempts(holder.run)
    assert read == ended._replace(began=1.0, job="j", boot="b")
    head = journal.head(holder.run)
    assert (head.state, head.ended, head.stages, head.program) == (RunState.DONE, 5.0, (("a", "b"), ("c",)), {"p": 1})
    assert head.settings == {"limit": None}


def test_a_batch_is_written_whole_or_not_at_all(journal: Journal) -> None:
    holder = begin(journal)
    journal.write(holder.run, 1, [step(0)])
    with pytest.raises(JournalUnusable):
        journal.write(holder.run, 1, [step(1), step(0)])
    assert [s.seq for s in journal.steps(holder.run)] == [0]
    journal.write(holder.run, 1, [step(1)])


def test_a_missing_step_is_damage(journal: Journal) -> None:
    holder = begin(journal)
    journal.write(holder.run, 1, [step(0), step(2)])
    with pytest.raises(JournalUnusable, match=r"steps of run .* are missing"):
        journal.steps(holder.run)


def test_the_file_is_the_users_alone(tmp_path: Path) -> None:
    Journal.open(tmp_path / "deep/state").close()
    assert (tmp_path / "deep/state" / FILE).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "deep/state").stat().st_mode & 0o777 == 0o700


def test_a_journal_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    Journal.open(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(JournalTooNew) as caught:
        Journal.open(tmp_path)
    assert str(caught.value) == (
        f"the journal {tmp_path / FILE} was written by a newer madeus (schema 99, this one knows {SCHEMA})"
    )
    assert "update madeus" in caught.value.help


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(JournalUnusable, match="is a database of another program"):
        Journal.open(tmp_path)


@pytest.mark.parametrize("create", [False, True])
def test_a_directory_in_the_journals_place_is_told_with_a_way_out(tmp_path: Path, create: bool) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(JournalUnusable, match=r"[Ii]s a directory") as caught:
        Journal.open(tmp_path, create)
    assert "--state" in caught.value.help


@pytest.mark.parametrize("create", [False, True])
def test_a_file_that_is_no_database_is_told_with_a_way_out(tmp_path: Path, create: bool) -> None:
    (tmp_path / FILE).write_text("hello\n")
    with pytest.raises(JournalUnusable, match="file is not a database") as caught:
        Journal.open(tmp_path, create)
    assert "move it away, or name another directory with --state" in caught.value.help
    assert (tmp_path / FILE).read_text() == "hello\n"


def test_no_journal_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoJournal, match="there is no journal"):
        Journal.open(tmp_path, create=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("cut", [10, 100, 5000, 20000])
def test_a_torn_file_is_told(tmp_path: Path, cut: int) -> None:
    journal = Journal.open(tmp_path)
    holder = begin(journal)
    journal.write(holder.run, 1, [step(i) for i in range(2000)])
    journal.close()
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[:cut])
    with pytest.raises(JournalUnusable, match="is damaged"):
        torn = Journal.open(tmp_path, create=False)
        torn.steps(holder.run)


@pytest.mark.parametrize("seed", range(20))
def test_overwritten_pages_are_told_or_do_not_matter(tmp_path: Path, seed: int) -> None:
    from random import Random

    journal = Journal.open(tmp_path)
    holder = begin(journal)
    journal.write(holder.run, 1, [step(i) for i in range(2000)])
    journal.close()
    content = bytearray((tmp_path / FILE).read_bytes())
    random = Random(seed)
    for _ in range(2000):
        content[random.randrange(100, len(content))] = random.randrange(256)
    (tmp_path / FILE).write_bytes(content)
    try:
        torn = Journal.open(tmp_path, create=False)
        torn.heads()
        torn.steps(holder.run)
        torn.head(holder.run)
    except (JournalUnusable, UnknownRun, NoJournal):
        pass


def test_a_run_is_found_by_parts_of_its_name(journal: Journal) -> None:
    first, second = begin(journal, "1").run, begin(journal, "2", "site").run
    assert journal.find("last") == second
    assert journal.find(first) == first
    assert journal.find("lamp") == first
    assert journal.find(second.rsplit("-", 1)[1]) == second
    third = begin(journal, "3").run
    with pytest.raises(UnknownRun) as caught:
        journal.find("lamp")
    assert caught.value.matches == (first, third)
    with pytest.raises(UnknownRun, match="there is no run `nothing`"):
        journal.find("nothing")
    assert [head.id for head in journal.heads()] == [third, second, first]


def test_of_many_runs_that_a_name_may_be_some_are_named(journal: Journal) -> None:
    for number in range(8):
        begin(journal, str(number))
    with pytest.raises(UnknownRun) as caught:
        journal.find("lamp")
    assert str(caught.value).count("lamp-") == 5 and str(caught.value).endswith(" and 3 more")


def test_a_journal_that_cannot_be_written_can_be_read(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    run = begin(journal, "1").run
    journal.close()
    monkeypatch.setattr(schema, "writable", lambda path: False)
    reading = Journal.open(journal.path.parent, create=False)
    assert reading.find("last") == run
    with pytest.raises(JournalUnusable, match="cannot be used: attempt to write a readonly database"):
        begin(reading, "2")
    reading.close()
    assert not schema.writable(journal.path.parent / "nothing" / "state.db")


@pytest.mark.parametrize(
    ("free", "said"), [(0, "cannot be written: the disk is full"), (9, "cannot be used: disk I/O")]
)
def test_a_disk_without_room_is_told_even_where_sqlite_only_sees_an_error(
    free: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    with pytest.raises(JournalUnusable, match=said), schema.guarded(tmp_path / FILE):
        trouble = sqlite3.OperationalError("disk I/O error")
        trouble.sqlite_errorcode = sqlite3.SQLITE_IOERR
        raise trouble


def test_opening_it_again_in_the_same_process_lets_go_of_no_lock(journal: Journal) -> None:
    """Else another process that comes and goes takes itself for the last one, and takes the log away."""
    Journal.open(journal.path.parent).close()
    look = "import sys; from pathlib import Path; from madeus.executor.journal.store import Journal as J; "
    look += "j = J.open(Path(sys.argv[1]), create=False); j.heads(); j.close()"
    subprocess.run([sys.executable, "-c", look, str(journal.path.parent)], check=True)
    assert journal.path.with_name(f"{FILE}-wal").exists()
    with journal.transaction() as connection:
        connection.execute("CREATE TABLE later (number INTEGER)")
    assert journal.query("SELECT count(*) FROM later") == [(0,)]


def test_an_assembly_is_locked_while_its_controller_lives(journal: Journal) -> None:
    holder = begin(journal)
    with pytest.raises(AssemblyLocked) as caught:
        begin(journal)
    assert caught.value.holder == holder
    assert f"process {os.getpid()}" in str(caught.value)
    assert holder.run in str(caught.value)
    begin(journal, "elsewhere")
    journal.write(holder.run, 1, [RunEnded(RunState.FAILED, 1.0)])
    assert holder_of(journal, "here") is None
    assert begin(journal).run != holder.run


@pytest.mark.parametrize(
    "change",
    [
        {"pid": 2**22 + 1},
        {"ticks": 1},
        {"machine": "before the last restart"},
    ],
)
def test_the_lock_of_a_dead_process_is_taken(journal: Journal, change: dict[str, object]) -> None:
    holder = begin(journal)
    column, value = next(iter(change.items()))
    with journal.transaction() as connection:
        connection.execute(f"UPDATE sessions SET {column} = ?", (value,))
    found = holder_of(journal, "here")
    assert found is not None
    assert not is_alive(found)
    assert begin(journal).run != holder.run


def test_a_process_of_another_machine_is_taken_for_alive(journal: Journal) -> None:
    begin(journal)
    with journal.transaction() as connection:
        connection.execute("UPDATE sessions SET machine = 'there', host = 'there'")
    with pytest.raises(AssemblyLocked):
        begin(journal)
    assert begin(journal, take_over=True)


def test_a_superseded_controller_writes_nothing(journal: Journal) -> None:
    old = begin(journal)
    journal.write(old.run, 1, [step(0)])
    with pytest.raises(AssemblyLocked):
        reopen_run(journal, old.run)
    new = reopen_run(journal, old.run, take_over=True)
    assert new.epoch == 2
    with pytest.raises(FencedOff) as caught:
        journal.write(old.run, 1, [step(1)])
    assert caught.value.holder == new
    journal.write(new.run, 2, [step(1), RunEnded(RunState.FAILED, 3.0)])
    assert [s.seq for s in journal.steps(new.run)] == [0, 1]


def test_a_run_whose_assembly_was_taken_over_is_abandoned(journal: Journal) -> None:
    old = begin(journal)
    new = begin(journal, take_over=True)
    with pytest.raises(FencedOff):
        journal.write(old.run, 1, [step(0)])
    assert journal.head(old.run).state is RunState.ABANDONED
    with pytest.raises(NotResumable, match="a later run has taken its assembly over"):
        reopen_run(journal, old.run)
    journal.write(new.run, 1, [step(0)])


def test_a_process_is_told_from_a_later_one_of_its_number() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    ticks = process_ticks(child.pid)
    assert ticks
    holder = Holder("r", 1, child.pid, ticks, machine_id(), "h", "u", 0.0)
    assert is_alive(holder)
    assert not is_alive(replace(holder, ticks=ticks - 1))
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(holder)  # a zombie is dead
    child.wait()
    assert child.stdin is not None
    child.stdin.close()
    assert not is_alive(holder)


def test_many_processes_write_to_one_journal(tmp_path: Path) -> None:
    def one(number: int) -> int:
        journal = Journal.open(tmp_path)
        holder = begin(journal, str(number))
        for k in range(20):
            journal.write(holder.run, 1, [step(k)])
        count = len(journal.steps(holder.run))
        journal.close()
        return count

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(4))) == [20] * 4


def test_records_that_come_during_a_commit_share_the_next_one(journal: Journal) -> None:
    holder = begin(journal)
    batches: list[int] = []

    class Counting(Journal):
        def write(self, run: str, epoch: int, records: Sequence[Record]) -> None:
            batches.append(len(records))
            super().write(run, epoch, records)

    async def main() -> None:
        writer = Writer(Counting(journal.path, journal._connection), holder.run, 1)

        async def one(seq: int) -> None:
            writer.add(step(seq))
            await writer.durable()
            assert len(journal.path.read_bytes()) > 0

        await asyncio.gather(*(one(i) for i in range(100)))
        writer.add(step(100))
        await writer.close()

    asyncio.run(main())
    assert sum(batches) == 101
    assert len(batches) <= 3
    assert len(journal.steps(holder.run)) == 101


def test_a_fenced_writer_tells_all_who_wait_and_writes_nothing_more(journal: Journal) -> None:
    holder = begin(journal)
    reopen_run(journal, holder.run, take_over=True)

    async def main() -> None:
        writer = Writer(journal, holder.run, 1)

        async def one(seq: int) -> None:
            writer.add(step(seq))
            await writer.durable()

        results = await asyncio.gather(*(one(i) for i in range(5)), return_exceptions=True)
        assert all(isinstance(r, FencedOff) for r in results)
        assert isinstance(writer.broken.result(), FencedOff)
        with pytest.raises(FencedOff):
            await writer.durable()
        await writer.close()

    asyncio.run(main())
    assert journal.steps(holder.run) == []


def test_the_state_directory_is_looked_for_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/u")
    assert state_directory(Path("/s"), {"MADEUS_STATE": "/m"}) == Path("/s")
    assert state_directory(None, {"MADEUS_STATE": "/m", "XDG_STATE_HOME": "/x"}) == Path("/m")
    assert state_directory(None, {"XDG_STATE_HOME": "/x"}) == Path("/x/madeus")
    assert state_directory(None, {"XDG_STATE_HOME": "relative"}) == Path("/home/u/.local/state/madeus")
    assert state_directory(None, {}) == Path("/home/u/.local/state/madeus")


def test_an_inventory_round_trips(tmp_path: Path) -> None:
    text = """
        [defaults]
        user = "root"
        known_hosts = "known_hosts"
        total_limit = 7
        [defaults.variables]
        ports = [1, 2]
        deep = { a = "x" }
        [groups.web]
        hosts = ["w1", "w2"]
        jump = "b"
        [hosts.b]
        address = "10.0.0.1"
        port = 2222
    """
    inventory = parse_inventory(text, tmp_path / "hosts.toml")
    assert inventory_from_json(inventory_to_json(inventory)) == inventory
    assert inventory_from_json(inventory_to_json(Inventory())) == Inventory()


def test_values_of_ports_round_trip() -> None:
    produced = (("a", "x\ud800"), ("b", ("1", 2, 2.5, True)), ("c", Secret("output 3 0 key")), ("d", None))
    assert produced_from_text(produced_to_text(produced)) == produced
    assert produced_to_text(()) is None
