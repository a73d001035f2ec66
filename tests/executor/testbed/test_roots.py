"""Test hosts over other Debians than the machine's: they are what they say, and deployments run on them."""

from __future__ import annotations

from pathlib import Path

import pytest

import madeus
from madeus.executor.api import RunOptions
from madeus.executor.testbed import Testbed

MODEL = """
component Server {
  initial place off
  place on
  provide data version: string at on
  transition start: off -> on {
    package "mariadb-server"
    service "mariadb" restarted
    run "mariadb -N -e 'SELECT VERSION()'" -> version
  }
}
assembly one { db: Server on h1 }
"""


@pytest.mark.hosts
@pytest.mark.long
@pytest.mark.parametrize(
    ("root", "packages", "version"),
    [
        ("bullseye", ["mariadb-server"], "10.5."),
        ("bullseye+mariadb-server", [], "10.5."),
        ("bookworm+mariadb-server", [], "10.11."),
        ("trixie+mariadb-server", [], "11.8."),
    ],
)
def test_a_database_of_an_older_or_newer_debian_is_deployed(
    root: str, packages: list[str], version: str, tmp_path: Path
) -> None:
    (tmp_path / "one.madeus").write_text(MODEL)
    with Testbed.up(["h1"], tmp_path / "bed", name="roots", root=root, packages=packages) as bed:
        host = bed.host("h1")
        code, output = host.exec(". /etc/os-release; echo $VERSION_CODENAME")
        assert (code, output.strip()) == (0, root.split("+")[0])
        assert (host.exec("command -v mariadbd")[0] == 0) == ("+" in root)
        result = madeus.load(tmp_path / "one.madeus").run(bed.inventory, options=RunOptions(state=tmp_path / "state"))
        assert result.ok, result.failures
        assert str(result.configuration.data[("db", "version")]).startswith(version)
