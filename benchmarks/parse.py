"""How fast a large file is read, and how long the first file takes: `python benchmarks/parse.py [LINES]`.

The file is made of components, assemblies and verify blocks in the proportions of a real one. Prints lines a second for the
scanner alone, for the whole reading and for the formatter, and the time of the first reading in a fresh process with and
without the kept tables.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

from madeus.dsl.format import format_module
from madeus.dsl.parser import parse
from madeus.dsl.scan import scan
from madeus.dsl.tables import tables

_COMPONENT = """\
/// A server of kind {n}.
component Server{n}(version: string = "10.{n}", port: int = {n}) {{
  initial place waiting
  place provisioned, configured, started, checked

  provide data    ip: address  at provisioned
  provide service sql          at checked
  use service db any optional  for check  // what it stands on

  transition provision: waiting -> provisioned takes 2s..10s {{
    run "ip -o -4 addr show scope global | cut -d/ -f1" -> ip
  }}
  transition pull:      provisioned -> configured takes 5s..60s {{ run "apt-get install -y server" timeout 5min retry 2 }}
  transition configure: provisioned -> configured takes 1s..3s  {{ template "my.cnf.j2" to "/etc/server.cnf" mode 0644 }}
  transition start:     configured -> started     takes 1s..4s  {{ service "server" started }}
  transition check:     started -> checked        takes 0s..2s  {{ wait_tcp port ${{port}} within 30s }}
}}

assembly site{n} {{
  db:  Server{n}(version = "10.11") on db1
  web: Server{n}(port = 8)          on web[1..3]
  connect web.db to db.sql
}}

verify site{n} {{
  goal up = db.checked and web.checked
  deployable up
  sequence db.start, web.check
  duration up <= 3min
}}

"""


def sample(lines: int) -> str:
    """A file of about that many lines."""
    each = _COMPONENT.count("\n")
    return "".join(_COMPONENT.format(n=n) for n in range(max(1, lines // each)))


def _best(times: int, work: object) -> float:
    best = float("inf")
    for _ in range(times):
        begin = time.perf_counter()
        work()  # type: ignore[operator] # a plain callable
        best = min(best, time.perf_counter() - begin)
    return best


def _fresh_process(cache: str) -> float:
    code = (
        "import time; t = time.perf_counter(); from madeus.dsl.parser import parse; parse('secret x'); "
        "print(time.perf_counter() - t)"
    )
    env = {**os.environ, "XDG_CACHE_HOME": cache}
    return float(
        subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True, text=True).stdout
    )


def main() -> None:
    text = sample(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
    lines = text.count("\n")
    table = tables()
    module = parse(text).module
    print(f"{lines} lines, {len(text)} letters")
    for what, work in (
        ("scan", lambda: scan(text, "sample", table.words, table.signs)),
        ("parse", lambda: parse(text)),
        ("format", lambda: format_module(module)),
    ):
        seconds = _best(3, work)
        print(f"{what:8} {seconds:7.3f} s  {lines / seconds:10,.0f} lines/s")
    with tempfile.TemporaryDirectory() as cache:
        print(f"first reading, tables made:  {_fresh_process(cache):.3f} s")
        print(f"first reading, tables kept:  {_fresh_process(cache):.3f} s")


if __name__ == "__main__":
    main()
