"""Gates on real machines: nginx in layers, whose new version starts, and is slower, or serves what it should not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from madeus.executor.testbed import Testbed

pytestmark = [pytest.mark.hosts, pytest.mark.long]

HOSTS = ["web1", "web2", "web3", "web4"]
PAGE = "http://127.0.0.1/page"

SITE = """
role web {
  base debian12
  service "nginx"
  version "1" { run "head -c 20000 /dev/zero > /var/www/html/page && echo 1 > /var/www/html/release" }
}

component Web(rate: string = "0", page: string = "page") {
  initial place unknown
  place running, stopped, configured
  provide service http at running
  behavior adopt { transition look: unknown -> running { wait_http "http://127.0.0.1/release" within 20s } }
  behavior drain { transition stop: running -> stopped { run "service nginx stop" } }
  behavior upgrade {
    transition configure: stopped -> configured {
      run "echo 2 > /var/www/html/release && echo 'limit_rate ${rate};' > /etc/nginx/conf.d/rate.conf"
      run "mv /var/www/html/page /var/www/html/moved && mv /var/www/html/moved /var/www/html/${page}"
    }
    transition start: configured -> running {
      run "service nginx start"
      wait_http "http://127.0.0.1/release" within 20s
    }
  }
}

assembly site(rate: string = "0", page: string = "page") {
  web[1..4]: Web(rate = rate, page = page) on web[1..4] in layer
}

program adopt for site {
  push web.adopt
  wait all
}

program upgrade for site {
  push web.drain
  push web.upgrade
  wait all
}

rollout next of program upgrade over web {
  out max 50%
  failures max 1 per cluster
  test transition start
  test command "grep -qx 2 /var/www/html/release"
  test http "http://127.0.0.1/page" within 2s
  test metric "curl -s -o /dev/null -w '%{time_total}' http://127.0.0.1/page" lower significance 0.1%
  soak 2s
  on_failure rollback
}
"""


class Site:
    def __init__(self, bed: Testbed, folder: Path) -> None:
        self.bed, self.folder = bed, folder
        self.file = folder / "site.madeus"
        self.environment = {**os.environ, "MADEUS_STATE": str(folder / "state"), "MADEUS_INVENTORY": str(bed.inventory)}

    def madeus(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "madeus", *words],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.madeus("rollout", "status", "--format", "json"))
        return found

    def serves(self) -> str:
        """What each machine answers: its release, and whether it is slow or has no page."""
        return " ".join(map(self._serves, HOSTS))

    def _serves(self, host: str) -> str:
        code, release = self.bed.host(host).exec(["curl", "-s", "http://127.0.0.1/release"], timeout=30)
        assert code == 0, host
        asked = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{time_total}", PAGE]
        status, seconds = self.bed.host(host).exec(asked, timeout=30)[1].split()
        return release.strip() + ("" if status == "200" else "-gone") + ("-slow" if float(seconds) > 0.8 else "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    place = tmp_path_factory.mktemp("gates")
    with Testbed.up(HOSTS, place / "bed", name="gates", layers=True, packages=["nginx-light"]) as bed:
        install = "apt-get update -q && apt-get install -y -q nginx-light && service nginx stop"
        for host in HOSTS:
            code, said = bed.host(host).exec(install, timeout=300)
            assert code == 0, said
        made = Site(bed, place)
        made.file.write_text(SITE)
        made.madeus("role", "define", "site.madeus")
        made.madeus("role", "assign", "web", *HOSTS)
        made.madeus("deploy", "site.madeus", "--program", "adopt", "--progress", "none")
        yield made


@pytest.mark.timeout(600)
def test_a_machine_whose_new_version_starts_and_is_slower_serves_the_old_version_again(site: Site) -> None:
    said = site.madeus("rollout", "run", "site.madeus", "--set", "rate=15k", code=1)
    assert "worse than on machines not yet upgraded" in said and "web1 is back on its old version" in said
    assert "0 of 4 machines upgraded, 1 failed, 0 unreachable" in said
    assert site.serves() == "1 1 1 1"
    assert site.madeus("host", "exec", "web1", "--", "ls", "/etc/nginx/conf.d") == ""
    first = site.status()
    (report,) = first["reports"]
    assert (report["cluster"], report["open"]) == ("web", ["web1"])
    assert report["signature"].startswith('test metric "curl')

    # Another failure of the cluster, of another kind, is a report of its own; the machine is counted once.
    said = site.madeus("rollout", "resume", "--set", "rate=0", "--set", "page=elsewhere", code=1)
    assert 'web1 failed: test http "http://127.0.0.1/page" status 200' in said
    assert site.serves() == "1 1 1 1"
    metric, http = site.status()["reports"]
    assert (metric["open"], http["open"]) == ([], ["web1"])

    # As fast as before: every machine passes, the failed one first.
    said = site.madeus("rollout", "resume", "--set", "page=page")
    assert "failed machines first: web1" in said and "4 of 4 machines upgraded" in said
    assert site.serves() == "2 2 2 2"
    assert [report["open"] for report in site.status()["reports"]] == [[], []]
