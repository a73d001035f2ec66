"""How long a snapshot with its switch takes on a host, by the number of layers, against a restart of the host.

Run as root: `python benchmarks/layers_switch.py [LAYERS...]`, by default 3, 9, 16, 64, 128 and 500. One test host of
`madeus testbed up --layers`; its base layer is the host's own root, each further layer has 20 files. A run freezes the writable
layer and puts a new one on top of the stack, which keeps its length. 20 runs, the shortest and the longest dropped, mean of 18,
and the median of all; warm caches but in the last column, for which they were dropped before each run. Milliseconds:

    switch    what the program on the host says, from reading the request to the new stack's services
    cut       of it: from the stop of the old services to the start of the new ones; there are none here
    call      from the start of the program's process to its end, its interpreter's start included
    cpu       of the call: what its process had of a processor, however many others wanted one
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, median

from madeus.executor.layers.agent.bundle import bundle
from madeus.executor.testbed import Host, Testbed

RUNS = 20
FILES = 20
LAYERS = (3, 9, 16, 64, 128, 500)

DRIVER = """
import json, os, resource, subprocess, sys, time
program, count, runs, files = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
layers = "/var/lib/madeus/layers"

def ask(verb, **request):
    begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(["python3", "-I", "-S", program, verb], input=json.dumps(request).encode(), capture_output=True)
    spent = (time.perf_counter() - begin) * 1000
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000
    answer = json.loads(done.stdout)
    if "error" in answer:
        sys.exit(done.stdout.decode())
    return answer["ok"], spent, cpu

ask("seed", layer="base", **{"from": "/"})
stack = ["base"]
for number in range(1, count):
    layer = "n%d" % number
    if not os.path.exists("%s/%s" % (layers, layer)):
        ask("create", layer=layer)
        place = "%s/%s/data/srv/bench/%s" % (layers, layer, layer)
        os.makedirs(place)
        for each in range(files):
            with open("%s/%d" % (place, each), "w") as file:
                file.write("x" * 700)
        ask("freeze", layer=layer)
    stack.append(layer)
tag = os.urandom(4).hex()
ask("switch", stack=stack, writable="w%s" % tag, create=True)
result = {"warm": [], "cold": []}
for kind in ("warm", "cold"):
    for run in range(runs):
        if kind == "cold":
            print("drop", flush=True)
            sys.stdin.readline()
        writable = "w%s.%s.%d" % (tag, kind, run)
        answer, spent, cpu = ask("switch", stack=stack, writable=writable, create=True, freeze=True)
        assert answer["how"] == "beneath", answer
        with open("/run/madeus/root/srv/bench/n1/0") as file:
            assert len(file.read()) == 700
        result[kind].append([answer["milliseconds"], answer["outage_ms"], spent, cpu])
print(json.dumps(result), flush=True)
"""


def trimmed(values: list[float]) -> float:
    """Mean without the shortest and the longest."""
    return mean(sorted(values)[1:-1])


def measure(host: Host, program: str, count: int) -> None:
    """One row."""
    import os
    import threading

    ask_read, ask_write = os.pipe()
    say_read, say_write = os.pipe()
    argv = ["python3", "/var/lib/madeus/driver.py", program, str(count), str(RUNS), str(FILES)]
    thread = threading.Thread(target=lambda: (host.run(argv, (ask_read, say_write, 2)), os.close(say_write)))
    thread.start()
    with os.fdopen(say_read) as said, os.fdopen(ask_write, "w") as answer:
        for line in said:
            if line == "drop\n":
                Path("/proc/sys/vm/drop_caches").write_text("3\n")
                answer.write("\n")
                answer.flush()
            else:
                result = json.loads(line)
    thread.join()
    os.close(ask_read)
    columns = [[run[place] for run in result["warm"]] for place in range(4)]
    cold = [run[0] for run in result["cold"]]
    means = "  ".join(f"{trimmed(column):7.1f}" for column in columns)
    print(f"{count:6}  {means}  {median(columns[0]):7.1f}  {trimmed(cold):7.1f}", flush=True)


def restart(host: Host, program: str) -> list[float]:
    """Milliseconds from the power cut to a mounted stack and a login, each time."""
    found = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        host.kill()
        host.start()
        while '"mounted": true' not in host.exec(f"echo '{{}}' | python3 -I -S {program} current")[1]:
            time.sleep(0.002)
        found.append((time.perf_counter() - begin) * 1000)
    return found


def main(counts: list[int]) -> None:
    """All rows."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        place = Path(directory) / "bed"
        with Testbed.up(["bench"], place, name="layers-bench", layers=True) as bed:
            host, program = bed.host("bench"), bundle()
            store = bed.files.hosts / "bench/store"
            (store / "layers").mkdir(parents=True, exist_ok=True)
            (store / "layers" / Path(program.path).name).write_bytes(program.content)
            (store / "driver.py").write_text(DRIVER)
            print("layers   switch      cut     call      cpu   median     cold", flush=True)
            for count in counts:
                measure(host, program.path, count)
            values = restart(host, program.path)
            print(f"restart of the host with {counts[-1]} layers: {trimmed(values):.0f} (median {median(values):.0f})")


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or list(LAYERS))
