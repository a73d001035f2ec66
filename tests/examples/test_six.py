"""Six machines by their roles: brought on line, upgraded, one made anew, and rolled back, while a client looks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import madeus
from madeus.executor.testbed import Testbed

FOLDER = Path(__file__).parents[2] / "examples/six"
FILE = FOLDER / "six.madeus"
HOSTS = ("lb", "web1", "web2", "web3", "db", "spare")
PACKAGES = ("nginx-light", "apache2", "mariadb-client", "mariadb-server", "curl")

CLIENT = """
import json, sys, time, urllib.request
shown, failures, longest, last = {}, [], 0.0, time.monotonic()
print("looking", flush=True)
end = last + float(sys.argv[1])
while time.monotonic() < end:
    try:
        text = urllib.request.urlopen("http://lb/version", timeout=10).read().decode().strip()
        now = time.monotonic()
        longest, last = max(longest, now - last), now
        shown[text] = shown.get(text, 0) + 1
    except OSError as error:
        failures.append(str(error))
    time.sleep(0.005)
print(json.dumps({"shown": shown, "failures": failures, "longest": longest}))
"""


def test_every_role_of_the_example_has_a_version_that_can_be_made() -> None:
    roles = madeus.load(FILE).model.roles
    assert {name: [version.name for version in role.versions] for name, role in roles.items()} == {
        "loadbalancer": ["1"],
        "webserver": ["1.0", "1.1"],
        "database": ["1"],
    }
    assert all(version.actions for role in roles.values() for version in role.versions)
    assert roles["database"].persistent == ("/var/lib/mysql",)


class Site:
    """A bed with the six hosts, and a journal of its own."""

    def __init__(self, bed: Testbed, state: Path) -> None:
        self.bed = bed
        self.environment = {**os.environ, "MADEUS_STATE": str(state)}

    def madeus(self, *arguments: str | Path, code: int = 0) -> str:
        """Output of a command that ends with an exit code."""
        words = [sys.executable, "-m", "madeus", *map(str, arguments)]
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def get(self, path: str) -> str:
        """What the spare machine sees of the site."""
        script = f"import urllib.request as u; print(u.urlopen('http://lb{path}', timeout=10).read().decode().strip())"
        code, said = self.bed.host("spare").exec(["python3", "-c", script], timeout=60)
        assert code == 0, said
        return said.strip()

    def watched(self, seconds: float, *commands: tuple[str | Path, ...]) -> dict[str, Any]:
        """What a client saw while the commands were run one after the other; times in seconds."""
        found: list[str] = []
        argv = ["python3", "-c", CLIENT, str(seconds)]
        client = threading.Thread(
            target=lambda: found.append(self.bed.host("spare").exec(argv, timeout=seconds + 60)[1])
        )
        client.start()
        time.sleep(0.5)
        for command in commands:
            self.madeus(*command)
        client.join()
        seen: dict[str, Any] = json.loads(found[0].splitlines()[-1])
        print(f"client during {[' '.join(map(str, each)) for each in commands]}: {seen}")
        return seen


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if shutil.which("debootstrap") is None:
        pytest.skip("needs debootstrap")
    subprocess.run([FOLDER / "prepare"], check=True, capture_output=True)
    place = tmp_path_factory.mktemp("six")
    with Testbed.up(["lb"], place / "bed", name="six", layers=True) as bed:
        bed.offer_packages(PACKAGES, root="debootstrap:bookworm")
        yield Site(bed, place / "state")


@pytest.mark.hosts
@pytest.mark.long
@pytest.mark.timeout(900)
def test_six_machines_come_on_line_are_upgraded_made_anew_and_rolled_back(site: Site) -> None:
    begin = time.monotonic()
    Testbed.up(HOSTS, site.bed.files.directory, name="six", layers=True)
    site.madeus("role", "define", FILE)
    at = ("--inventory", site.bed.inventory)
    assignments: list[tuple[str | Path, ...]] = [
        ("role", "assign", "database", "db", *at),
        ("role", "assign", "webserver", "web1", "web2", "web3", "--version", "1.0", *at),
        ("role", "assign", "loadbalancer", "lb", *at),
        ("host", "add", "spare", *at),
    ]
    with ThreadPoolExecutor(len(assignments)) as pool:
        list(pool.map(lambda words: site.madeus(*words), assignments))
    assert site.get("/version") == "shop 1.0"
    assert int(site.get("/cgi-bin/visits")) == 1
    spent = time.monotonic() - begin
    print(f"on line in {spent:.1f} s")
    assert "spare" in site.madeus("host", "list")

    # One after the other: the load balancer always finds a web server.
    seen = site.watched(40, ("role", "upgrade", "web1"), ("role", "upgrade", "web2"), ("role", "upgrade", "web3"))
    assert seen["failures"] == []
    assert set(seen["shown"]) == {"shop 1.0", "shop 1.1"}
    assert {site.get("/version") for _ in range(9)} == {"shop 1.1"}

    site.bed.host("web3").exec(
        "python3 -I -S /var/lib/madeus/layers/agent-*.py enter -- sh -c 'echo hurt > /var/www/html/version'"
    )
    assert "hurt" in {site.get("/version") for _ in range(9)}
    seen = site.watched(15, ("role", "reprovision", "webserver", "web3"))
    assert seen["failures"] == []
    assert {site.get("/version") for _ in range(9)} == {"shop 1.1"}

    visits = int(site.get("/cgi-bin/visits"))
    first = [("rollback", "web1", "1"), ("rollback", "web2", "1"), ("rollback", "web3", "1")]
    seen = site.watched(40, *first)
    assert seen["failures"] == []
    assert {site.get("/version") for _ in range(9)} == {"shop 1.0"}
    assert int(site.get("/cgi-bin/visits")) == visits + 1  # the database went on, and its data is beside the stack

    site.madeus("rollback", "web1")  # a rollback is rolled back like anything else
    assert {site.get("/version") for _ in range(9)} == {"shop 1.0", "shop 1.1"}

    site.bed.host("web2").kill()
    site.bed.host("web2").start()
    look = ["python3", "-c", "import urllib.request as u; print(u.urlopen('http://localhost/version').read().decode())"]
    deadline = time.monotonic() + 60
    while "shop 1.0" not in site.bed.host("web2").exec(look)[1]:
        assert time.monotonic() < deadline, "web2 did not come back with its stack"
        time.sleep(0.1)
