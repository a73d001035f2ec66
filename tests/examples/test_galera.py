"""The database that becomes a cluster: its times against the published ones, and the migration itself with real servers.

The published times are means of the Concerto evaluation with 3 nodes (Concerto-D/galera-traces, figure 1).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

import madeus
from madeus.executor.testbed import Testbed
from madeus.executor.testbed.bed import Host
from madeus.model import Available
from madeus.semantics import System, simulate

FOLDER = Path(__file__).parents[2] / "examples/galera"
EXAMPLE, REHEARSAL = FOLDER / "galera.madeus", FOLDER / "rehearsal.madeus"
PACKAGES = ("mariadb-server", "mariadb-backup", "galera-4", "socat", "mariadb-client")
PREDICTED, MEASURED = 30.066, 31.274


def test_with_the_published_durations_the_migration_takes_as_long_as_published() -> None:
    model = madeus.load(EXAMPLE).model
    seconds = json.loads((FOLDER / "published.json").read_text())
    shop = model.assemblies["shop"]
    begin = simulate(System(shop, [[model.programs["start"]]], 0)).configuration
    system = System(shop, [[model.programs["to_galera"]]], 0, begin)
    found = simulate(system, lambda component, transition: float(seconds[f"{component}.{transition.name}"]))
    assert found.deadlock is None
    assert found.trace.makespan == pytest.approx(PREDICTED, rel=0.05)
    assert found.trace.makespan == pytest.approx(MEASURED, rel=0.10)


# ---- on test hosts


def planned(file: Path, component: str, port: str, failures: int = 0) -> float:
    """The longest time off that the model allows, in seconds, with so many failures."""
    model = madeus.load(file).model
    properties = [p for v in model.verifications for p in v.properties if p.failures == failures]
    asked = [p.question for p in properties if isinstance(p.question, Available)]
    (limit,) = {q.off for q in asked if (q.component, q.port) == (component, port)}
    return limit


class Shop:
    """Hosts, and a journal of their own."""

    def __init__(self, bed: Testbed, state: Path) -> None:
        self.bed = bed
        self.environment = {**os.environ, "MADEUS_STATE": str(state), "MADEUS_SECRET_APP_PASSWORD": "correct-horse"}

    def madeus(self, *arguments: str | Path, code: int = 0) -> str:
        """Output of a command that ends with an exit code."""
        words = [sys.executable, "-m", "madeus", *map(str, arguments)]
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def sql(self, host: str, statement: str) -> list[list[str]]:
        """Rows that the server of a host answers with."""
        code, output = self.bed.host(host).exec(["mariadb", "-N", "-B", "-e", statement], timeout=60)
        assert code == 0, output
        return [line.split("\t") for line in output.splitlines()]

    def sales(self, host: str) -> dict[tuple[str, int], str]:
        """(writer, number) -> time, as a server has them when it has caught up."""
        statement = "SET SESSION wsrep_sync_wait = 1; SELECT app, number, at FROM shop.sales"
        return {(app, int(number)): at for app, number, at in self.sql(host, statement)}


def join(host: Host) -> tuple[int, str]:
    """Exit code and output of the action that makes a server a node."""
    return host.exec(["bash", "-c", (FOLDER / "join.sh").read_text(), "join.sh", "Synced", "120"], timeout=150)


def stop(host: Host, folder: str) -> None:
    """Let a writer write no more."""
    code, output = host.exec(f"cd {folder} && touch pause && until [ -e paused ]; do sleep 0.05; done", timeout=30)
    assert code == 0, output


def acknowledged(host: Host, folder: str) -> list[tuple[int, float]]:
    """(number, time) of the rows that a writer knows to be written."""
    code, output = host.exec(["cat", f"{folder}/acknowledged"])
    assert code == 0, output
    return [(int(number), float(at)) for number, at in (line.split() for line in output.splitlines())]


def outage(rows: list[tuple[int, float]]) -> float:
    """The longest time between two acknowledged rows, in seconds."""
    return max(after - before for (_, before), (_, after) in pairwise(rows))


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    names = list(request.param)
    with Testbed.up(names, tmp_path / "bed", name="galera", packages=PACKAGES) as bed:
        yield Shop(bed, tmp_path / "state")


@pytest.mark.hosts
@pytest.mark.long
@pytest.mark.parametrize("shop", [["db1", "db2", "db3", "db4", "db5", "app1", "app2", "app3"]], indirect=True)
def test_a_central_database_becomes_a_cluster_and_grows_without_losing_a_row(shop: Shop) -> None:
    shop.madeus("check", EXAMPLE)
    shop.madeus("deploy", EXAMPLE, "--inventory", shop.bed.inventory)
    outsider = shop.bed.host("app1")
    # A client that knows nothing of the migration, and just tries again.
    code, output = outsider.exec(
        "mkdir /srv/outsider && cp /srv/writer/client.cnf /srv/outsider && cd / &&"
        " (setsid /srv/writer/writer.sh outsider /srv/outsider > /dev/null 2>&1 < /dev/null &) ;"
        " until [ -s /srv/outsider/acknowledged ]; do sleep 0.1; done",
        timeout=30,
    )
    assert code == 0, output
    before = shop.sql("db1", "SELECT app, number, at FROM shop.sales")
    assert len(before) > 10

    shop.madeus("reconfigure", EXAMPLE, "to_galera")
    middle = [shop.sales(host) for host in ("db1", "db2", "db3")]
    for rows in middle:
        assert all(rows[(app, int(number))] == at for app, number, at in before)

    # A node that has fallen out does not come back by itself; the action that starts workers brings it back.
    shop.sql("db3", "SET GLOBAL wsrep_cluster_address = ''")
    assert shop.sql("db3", "SHOW STATUS LIKE 'wsrep_cluster_status'") == [["wsrep_cluster_status", "Disconnected"]]
    assert join(shop.bed.host("db3"))[0] == 0

    shop.madeus("reconfigure", EXAMPLE, "add_workers")
    code, donors = shop.bed.host("db1").exec("grep -o 'Selected .* as donor' /var/lib/mysql/shop.err")
    assert code == 0
    assert all("(first)" in line for line in donors.splitlines()), donors
    nodes = [f"db{i}" for i in range(1, 6)]
    for host in nodes:
        status = dict(shop.sql(host, "SHOW STATUS LIKE 'wsrep_%'"))
        assert status["wsrep_cluster_size"] == "5"
        assert status["wsrep_cluster_status"] == "Primary"
        assert status["wsrep_local_state_comment"] == "Synced"

    for host in ("app1", "app2", "app3"):
        stop(shop.bed.host(host), "/srv/writer")
    stop(outsider, "/srv/outsider")
    writers = [(f"app[{i}]", shop.bed.host(f"app{i}"), "/srv/writer") for i in (1, 2, 3)]
    writers.append(("outsider", outsider, "/srv/outsider"))
    written = {name: acknowledged(host, folder) for name, host, folder in writers}
    for host in nodes:
        rows = shop.sales(host)
        for name, found in written.items():
            assert [number for number, _ in found] == list(range(1, len(found) + 1))
            assert all((name, number) in rows for number, _ in found), f"{host} lacks rows of {name}"
        assert all(rows.get(key) == at for key, at in middle[0].items())
    for name in ("app[1]", "app[2]"):
        assert 0 < outage(written[name]) <= planned(EXAMPLE, name, "work")
    assert 0 < outage(written["outsider"]) <= planned(EXAMPLE, "db", "sql")
    # A server that cannot be a node fails at once, and says why.
    last = shop.bed.host("db5")
    galera = "/usr/lib/galera/libgalera_smm.so"
    assert last.exec(f"service mariadb stop && mv {galera} {galera}.gone", timeout=60)[0] == 0
    code, output = join(last)
    assert code == 1
    assert "the node does not stay in the cluster; its log ends with:" in output
    assert "Failed to load wsrep library" in output
    assert last.exec(f"mv {galera}.gone {galera}")[0] == 0
    code, output = join(last)
    assert code == 0, output

    where = {name: shop.bed.host(f"app{i}").exec("grep ^host /srv/writer/client.cnf")[1].split()[-1] for i, name in
             ((1, "app[1]"), (2, "app[2]"), (3, "app[3]"))}  # fmt: skip
    inner = {host: shop.bed.host(host).record.inner for host in nodes}
    assert where == {"app[1]": inner["db1"], "app[2]": inner["db2"], "app[3]": inner["db4"]}


@pytest.mark.hosts
@pytest.mark.long
@pytest.mark.parametrize("shop", [["db1", "app1"]], indirect=True)
def test_a_switch_that_fails_leads_back_to_the_central_database_and_may_be_tried_again(shop: Shop) -> None:
    shop.madeus("deploy", REHEARSAL, "-a", "rehearsal", "--inventory", shop.bed.inventory)
    galera = "/usr/lib/galera/libgalera_smm.so"
    assert shop.bed.host("db1").exec(f"mv {galera} {galera}.gone")[0] == 0
    before = shop.sql("db1", "SELECT app, number, at FROM shop.sales")

    said = shop.madeus("reconfigure", REHEARSAL, "switch", code=1)
    assert "recovered from what failed" in said
    assert "running" in shop.madeus("show", "rehearsal").split("db ", 1)[1].splitlines()[0]
    app = shop.bed.host("app1")
    number = len(acknowledged(app, "/srv/writer"))
    code, output = app.exec(
        f"until [ $(wc -l < /srv/writer/acknowledged) -gt {number} ]; do sleep 0.1; done", timeout=30
    )
    assert code == 0, output
    assert outage(acknowledged(app, "/srv/writer")) <= planned(REHEARSAL, "db", "sql", 1)

    assert shop.bed.host("db1").exec(f"mv {galera}.gone {galera}")[0] == 0
    shop.madeus("reconfigure", REHEARSAL, "switch")
    assert dict(shop.sql("db1", "SHOW STATUS LIKE 'wsrep_%'"))["wsrep_local_state_comment"] == "Synced"
    stop(app, "/srv/writer")
    rows = shop.sales("db1")
    assert all((("app", n) in rows) for n, _ in acknowledged(app, "/srv/writer"))
    assert all(rows[(name, int(n))] == at for name, n, at in before)
