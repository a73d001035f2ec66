"""Drift and repair on test hosts with real services: a store that is killed, web servers that are, hosts that are gone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from madeus.cli.root import cli
from madeus.executor.testbed import Testbed

pytestmark = [pytest.mark.hosts, pytest.mark.long]

SHOP = str(Path(__file__).parents[3] / "examples/probes/shop.madeus")
PACKAGES = ["redis-server", "nginx-light"]


class Shop:
    """The deployed shop on a bed of its own."""

    def __init__(self, bed: Testbed, state: Path) -> None:
        self.bed, self.state = bed, state

    def madeus(self, *words: str) -> Result:
        given = [*words, "--state", str(self.state)]
        return CliRunner().invoke(cli, given)

    def drift(self) -> tuple[int, dict[str, Any]]:
        result = self.madeus("drift", "shop", "--format", "json")
        return result.exit_code, json.loads(result.stdout)[0]

    def on(self, host: str, command: str) -> str:
        code, said = self.bed.host(host).exec(command)
        assert code == 0, said
        return said.strip()

    def pids(self, *names: str) -> list[str]:
        where = {"db1": "redis-server", "web1": "nginx", "web2": "nginx"}
        return [self.on(host, f"pidof -x {where[host]} | tr ' ' '\\n' | sort -n | head -n 1") for host in names]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    with Testbed.up(["db1", "web1", "web2"], folder / "bed", name="drifting", packages=PACKAGES) as bed:
        made = Shop(bed, folder / "state")
        result = made.madeus("deploy", SHOP, "--inventory", str(bed.inventory), "--progress", "none")
        assert result.exit_code == 0, result.output
        made.on("db1", "redis-cli set basket full && redis-cli save")
        yield made


def test_nothing_has_drifted_where_all_is_well(shop: Shop) -> None:
    code, found = shop.drift()
    assert (code, found["drifted"], found["unknown"]) == (0, [], [])
    assert sorted(f"{a['component']}.{a.get('place') or a.get('transition')}" for a in found["holding"]) == [
        "store.install",
        "store.running",
        "web[1].fill",
        "web[1].install",
        "web[1].serving",
        "web[2].fill",
        "web[2].install",
        "web[2].serving",
    ]


def test_a_killed_store_is_found_and_brought_back_with_its_data_and_nothing_else_is_touched(shop: Shop) -> None:
    webs = shop.pids("web1", "web2")
    shop.on("db1", "pkill -9 redis-server; sleep 0.2")
    code, found = shop.drift()
    assert code == 1
    (drifted,) = found["drifted"]
    assert (drifted["component"], drifted["place"], drifted["host"]) == ("store", "running", "db1")
    assert (drifted["probe"], drifted["expected"]) == ("run redis-cli ping", "exit code 0")
    assert (drifted["seen"], drifted["exit_code"]) == ("exit code 1", 1)
    assert drifted["lines"][-1].startswith("Could not connect to Redis at 127.0.0.1:6379")
    result = shop.madeus("repair", "shop", "--yes", "--progress", "none")
    assert result.exit_code == 0, result.output
    assert "store is taken to be at installed, not at running" in result.stdout
    assert "it stays, its probes hold" in result.stdout
    assert "  push store.deploy\n  wait all\n" in result.stdout
    assert "store.start" in result.stdout
    assert "store.install" not in result.stdout.split("proved by")[1]
    assert shop.on("db1", "redis-cli get basket") == "full"
    assert shop.pids("web1", "web2") == webs
    assert shop.drift()[0] == 0


def test_a_package_that_somebody_removed_is_installed_again(shop: Shop) -> None:
    before = shop.pids("db1", "web1")
    shop.on("web2", "service nginx stop; apt-get remove -y nginx-light")
    code, found = shop.drift()
    assert code == 1
    assert {(a["component"], a.get("place") or a.get("transition")) for a in found["drifted"]} == {
        ("web[2]", "serving"),
        ("web[2]", "install"),
    }
    result = shop.madeus("repair", "shop", "--yes", "--progress", "none")
    assert result.exit_code == 0, result.output
    assert "web[2] is taken to be at off, not at serving" in result.stdout
    assert shop.pids("db1", "web1") == before
    assert shop.drift()[0] == 0


def test_a_page_that_somebody_changed_is_copied_again_and_its_server_goes_on(shop: Shop) -> None:
    before = shop.pids("db1", "web1", "web2")
    shop.on("web1", "echo Closed > /var/www/html/index.html")
    code, found = shop.drift()
    (drifted,) = found["drifted"]
    assert (code, drifted["component"], drifted["transition"], drifted["host"]) == (1, "web[1]", "fill", "web1")
    assert drifted["seen"] == "/var/www/html/index.html has another content"
    result = shop.madeus("repair", "shop", "--yes", "--progress", "none")
    assert result.exit_code == 0, result.output
    assert "web[1] is taken to be at installed, not at serving" in result.stdout
    assert shop.on("web1", "curl -s http://127.0.0.1/") == "<h1>Open</h1>"
    assert shop.pids("db1", "web1", "web2") == before


def test_a_frozen_host_is_not_known_and_its_components_have_not_drifted(shop: Shop) -> None:
    shop.bed.host("web1").freeze()
    try:
        code, found = shop.drift()
    finally:
        shop.bed.host("web1").thaw()
    assert found["drifted"] == []
    assert (code, found["unreachable"]) == (3, ["web1"])
    assert {a["component"] for a in found["unknown"]} == {"web[1]"}
    assert shop.drift()[0] == 0


def test_a_host_that_restarted_is_not_known_first_and_then_repaired(shop: Shop) -> None:
    store = shop.pids("db1")
    shop.bed.host("web1").kill()
    code, found = shop.drift()
    assert found["drifted"] == []
    assert (code, found["unreachable"]) == (3, ["web1"])
    result = shop.madeus("repair", "shop", "--yes", "--progress", "none")
    assert result.exit_code == 3
    assert "web1 could not be reached" in result.stdout
    shop.bed.host("web1").start()
    shop.on("web1", "service nginx stop || true")
    code, found = shop.drift()
    assert (code, [a["component"] for a in found["drifted"]]) == (1, ["web[1]"])
    result = shop.madeus("repair", "shop", "--yes", "--progress", "none")
    assert result.exit_code == 0, result.output
    assert shop.on("web1", "curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1/") == "200"
    assert shop.pids("db1") == store


def test_a_program_stops_before_it_uses_a_service_that_is_gone(shop: Shop) -> None:
    shop.on("db1", "pkill -9 redis-server; sleep 0.2")
    result = shop.madeus("reconfigure", SHOP, "restart", "--progress", "none")
    assert result.exit_code == 1
    assert "not as the model says, before enter web[1].serving" in result.stdout
    assert (
        "store.running does not hold any more on db1: run redis-cli ping: exit code 1 (Could not connect"
        in result.stdout
    )
    shop.on("db1", "service redis-server start")
    assert shop.madeus("run", "--resume", "last", "--progress", "none").exit_code == 0
    assert shop.drift()[0] == 0
    assert shop.on("db1", "redis-cli get basket") == "full"
