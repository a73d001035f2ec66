"""How long a model file takes from text to model: parsing, looking up names, checking, writing out loops.

Usage: python benchmarks/load.py [LINES] [--profile]

The text is made of component types with seven transitions, actions, ports and behaviors, an assembly with three instances of
each type, their connections and a verify block. The aim is 10,000 lines in under 2 s on 2 cores.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import statistics
import time

from madeus.dsl import load
from madeus.dsl.parser import parse

_LINES_A_TYPE = 30
_REPEATS = 5


def text(lines: int) -> str:
    """A model of about so many lines."""
    count = max(1, lines // (_LINES_A_TYPE + 8))
    parts = [_component(n) for n in range(count)]
    parts.append("assembly site(n: int = 3) {\n")
    for n in range(count):
        parts.append(f'  c{n}[1..n]: T{n}(port = {1000 + n}, version = "1.{n}") on host{n % 50}\n')
    for n in range(1, count):
        parts.append(f"  for i in 1..n {{\n    connect c{n}[i].db to c{n - 1}[i].sql\n")
        parts.append(f"    connect c{n}[i].db_ip to c{n - 1}[i].ip\n  }}\n")
    parts.append("}\n\nverify site {\n")
    for n in range(count):
        parts.append(f"  goal g{n} = c{n}.checked and not c{n}[1].waiting\n  deployable g{n}\n")
    parts.append("}\n")
    return "".join(parts)


def _component(n: int) -> str:
    optional = " optional" if n == 0 else ""
    return f"""/// Type number {n}.
component T{n}(version: string = "10.11", port: int = 3306) {{
  initial place waiting
  place provisioned, configured, started, checked
  place maintenance

  group serving = started, checked
  provide data    ip: address  at provisioned
  provide service sql          at checked
  use data    db_ip: address{optional} for configure
  use service db{optional} for check

  transition provision: waiting -> provisioned takes 2s..10s {{
    run "hostname -I" -> ip
  }}
  transition pull: provisioned -> configured takes 5s..60s {{
    run "apt-get install -y server=${{version}}" timeout 5min retry 2
  }}
  transition configure: provisioned -> configured takes 1s..3s {{
    template "my.cnf.j2" to "/etc/server/${{db_ip}}" mode 0644
  }}
  transition start: configured -> started takes 1s..4s {{ service "server" started }}
  transition check: started -> checked takes 0s..2s {{ wait_tcp port ${{port}} within 30s }}
  behavior update {{
    transition suspend: checked -> maintenance
    transition resume: maintenance -> checked station resumed
  }}
}}

"""


def main() -> None:
    """Print lines a second."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("lines", type=int, nargs="?", default=10_000)
    arguments.add_argument("--profile", action="store_true")
    given = arguments.parse_args()
    source = text(given.lines)
    lines = source.count("\n")
    load("warm.madeus", text=text(100))
    whole, parsing = [], []
    for _ in range(_REPEATS):
        begin = time.perf_counter()
        loaded = load("site.madeus", text=source)
        whole.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        parse(source, "site.madeus")
        parsing.append(time.perf_counter() - begin)
    if loaded.model is None or loaded.diagnostics:
        raise SystemExit(f"the model is faulty: {loaded.diagnostics[:3]}")
    assembly = loaded.model.assemblies["site"]
    total = statistics.median(whole)
    print(f"{lines} lines, {len(loaded.model.types)} types, {len(assembly.instances)} instances")
    print(f"load  {total:.3f} s (median of {_REPEATS}), {lines / total:,.0f} lines/s")
    print(f"parse {statistics.median(parsing):.3f} s of it")
    if given.profile:
        profile = cProfile.Profile()
        profile.runcall(load, "site.madeus", text=source)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
