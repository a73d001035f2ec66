"""What a stack costs its files: postmark and a stat of a large tree, over 3 to 64 layers, against the plain file system.

Run as root: `python benchmarks/layers_files.py [postmark] [stat] [disk] [cold=RUNS] [LAYERS...]`; needs the Debian
package `postmark`. In a mount namespace of its own; the program of the hosts mounts the stacks and compacts them.

postmark: 10,000 files of 500 to 1,024 bytes, 100,000 transactions, seed 42, one directory; all in the writable layer, as a
workload's own files are. On an ext4 file system in memory, so that no virtual disk's quota of writes is measured, or with
`disk` on that of /var/tmp. Wall time, its start and end included; 20 runs, the shortest and the longest dropped, mean of 18,
and the median; and the time of a processor (cpu, mean of 18), however many others wanted one. Caches are warm: the files are
made by the run itself.

stat: on the file system of /var/tmp; 202,014 files in 1,097 directories, one lstat each, in the order of the tree. `spread`:
each layer has its share of the directories. `shared`: every directory is in every layer, with its share of the files: a
directory is then read from all layers. Seconds, in columns:

    warm      wall time; 20 runs after another one, without the shortest and the longest, mean of 18
    cpu       of it what the process had of a processor, however many others wanted one
    lstat     the same for the lstats alone, directories not read
    cold      wall time with the caches dropped before each run; as many runs as `cold=N` says, by default 20 and the mean of 18

`compacted`: the read-only layers of the shared stack merged into one.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import mean, median

from madeus.executor.layers.agent.bundle import bundle
from madeus.executor.testbed import syscalls

FILES, DIRECTORIES = 202_014, 1_097
RUNS = 20
COUNTS = (3, 9, 16, 64)
POSTMARK = """set size 500 1024
set number 10000
set transactions 100000
set seed 42
set report terse
set location {}
run
quit
"""
RUN = "/run/madeus-bench"


class Bench:
    """A store in a mount namespace that this process has entered."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.store = place / "store"
        (self.store / "layers").mkdir(parents=True)
        program = bundle(str(self.store))
        Path(program.path).write_bytes(program.content)
        self.program = program.path

    def ask(self, verb: str, **request: object) -> dict[str, object]:
        """The program's answer."""
        argv = ["python3", "-I", "-S", self.program, "--store", str(self.store), "--run", RUN, verb]
        done = subprocess.run(argv, input=json.dumps(request), capture_output=True, text=True, check=False)
        answer = json.loads(done.stdout)
        if "error" in answer:
            raise SystemExit(done.stdout)
        return dict(answer["ok"])

    def stack(self, name: str, count: int, fill: Callable[[Path, int, int], None] | None = None) -> list[str]:
        """`count` read-only layers; `fill` is given the contents' directory, the layer's number and how many there are."""
        made = []
        for number in range(count):
            layer = f"{name}{count}.{number}"
            self.ask("create", layer=layer)
            if fill is not None:
                fill(self.store / "layers" / layer / "data", number, count)
            self.ask("freeze", layer=layer)
            made.append(layer)
        return made

    def mount(self, layers: list[str]) -> Path:
        """Mount a stack under a fresh writable layer; where."""
        self.ask("switch", stack=layers, writable=f"w{time.monotonic_ns()}", create=True)
        return Path(RUN) / "root"


def directory(number: int) -> str:
    """Name of one of the directories of the tree; they lie in 33 others."""
    return f"tree/{number % 33:02}/{number // 33:02}"


def fill_tree(spread: bool) -> Callable[[Path, int, int], None]:
    """Fill a layer with its share of the tree: of the directories, or of the files of every directory."""

    def fill(data: Path, number: int, count: int) -> None:
        inner = DIRECTORIES - 34
        share, rest = divmod(FILES, inner)
        for which in range(inner):
            here = range(share + (which < rest))
            mine = here if not spread else (here if which % count == number else range(0))
            mine = mine if spread else range(number, len(here), count)
            if not mine:
                continue
            place = data / directory(which)
            place.mkdir(parents=True)
            for each in mine:
                os.close(os.open(f"{place}/{each}", os.O_CREAT | os.O_WRONLY, 0o644))

    return fill


def count_and_time(top: Path) -> tuple[int, int, float, float]:
    """(files, directories, seconds, seconds of processor) of one walk with an lstat of each file."""
    begin, cpu = time.perf_counter(), time.process_time()
    files = directories = 0
    look = [str(top)]
    while look:
        directories += 1
        with os.scandir(look.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    look.append(entry.path)
                else:
                    os.lstat(entry.path)
                    files += 1
    return files, directories, time.perf_counter() - begin, time.process_time() - cpu


def paths(top: Path) -> list[str]:
    """Every file of the tree."""
    return [os.path.join(place, name) for place, _, names in os.walk(top) for name in names]  # noqa: PTH118  # 202,014


def looked_at(files: list[str]) -> float:
    """Seconds of processor for an lstat of each file, directories left alone."""
    begin = time.process_time()
    for file in files:
        os.lstat(file)
    return time.process_time() - begin


def middle(values: Iterable[float]) -> float:
    """Mean without the shortest and the longest; of fewer than five the median."""
    found = sorted(values)
    return mean(found[1:-1]) if len(found) > 4 else median(found)


def walked(tree: Path, cold_runs: int) -> str:
    """One row: warm seconds, of processor, for the files alone, and cold ones."""
    cold = []
    for _ in range(cold_runs):
        os.sync()
        Path("/proc/sys/vm/drop_caches").write_text("3\n")
        cold.append(count_and_time(tree)[2])
    files, directories, *_ = count_and_time(tree)
    assert (files, directories) == (FILES, DIRECTORIES), (files, directories)
    walks = [count_and_time(tree) for _ in range(RUNS)]
    warm, cpu = (middle(walk[place] for walk in walks) for place in (2, 3))
    names = paths(tree)
    alone = middle(looked_at(names) for _ in range(RUNS))
    return f"{warm:8.2f} {cpu:8.2f} {alone:8.2f} {middle(cold):8.2f}"


def stat(bench: Bench, counts: Sequence[int], cold: int) -> None:
    """The table of the tree."""
    print(
        f"stat of {FILES} files in {DIRECTORIES} directories, seconds      warm      cpu    lstat     cold", flush=True
    )
    plain = bench.place / "plain"
    plain.mkdir()
    fill_tree(True)(plain, 0, 1)
    print(f"{'plain file system':50} {walked(plain / 'tree', cold)}", flush=True)
    empty = bench.stack("empty", 1)
    for spread in (True, False):
        for count in counts:
            kind = "spread" if spread else "shared"
            layers = bench.stack(f"{kind[0]}", count, fill_tree(spread))
            root = bench.mount(layers)
            print(f"{f'{count} layers, directories {kind}':50} {walked(root / 'tree', cold)}", flush=True)
            if not spread and count == counts[-1]:
                begin = time.perf_counter()
                bench.ask("merge", layers=layers, into="compacted", bottom=True)
                spent = time.perf_counter() - begin
                root = bench.mount(["compacted"])
                print(
                    f"{f'{count} layers, shared, compacted in {spent:.1f} s':50} {walked(root / 'tree', cold)}",
                    flush=True,
                )
            bench.mount(empty)
            bench.ask("delete", layers=layers)


def postmark(bench: Bench, counts: Sequence[int]) -> None:
    """The table of postmark."""
    print(
        "postmark: 10,000 files, 100,000 transactions                 seconds   median      cpu  transactions/s",
        flush=True,
    )
    rows = [("plain file system", 0), *((f"{count} layers", count) for count in counts)]
    for name, count in rows:
        found, busy = [], []
        for _ in range(RUNS):
            top = bench.mount([*bench.stack(f"p{time.monotonic_ns()}.", count)]) if count else bench.place
            place = top / "postmark"
            place.mkdir()
            os.sync()
            begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            orders = POSTMARK.format(place)
            subprocess.run(["postmark"], input=orders, capture_output=True, text=True, check=True, cwd=bench.place)
            found.append(time.perf_counter() - begin)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            busy.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            place.rmdir()
        seconds = middle(found)
        print(
            f"{name:52} {seconds:8.2f} {median(found):8.2f} {middle(busy):8.2f} {100_000 / seconds:12.0f}", flush=True
        )


@contextmanager
def ext4_in_memory() -> Iterator[Path]:
    """Where a new ext4 file system is mounted whose blocks are in memory; gone afterwards."""
    # Not mounted below /dev: a stack has a copy of what is mounted there.
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as image, disk() as top:
        image.truncate(3 << 30)
        subprocess.run(["mkfs.ext4", "-q", "-F", image.name], check=True)
        subprocess.run(["mount", "-o", "loop", image.name, str(top)], check=True)
        try:
            yield top
        finally:
            for mounted in (RUN, str(top)):
                subprocess.run(["umount", "--lazy", mounted], check=True)


@contextmanager
def disk() -> Iterator[Path]:
    """A directory on the file system of /var/tmp; gone afterwards."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
        yield Path(place)


def main(wanted: list[str]) -> None:
    """The tables that were asked for."""
    counts = [int(word) for word in wanted if word.isdecimal()] or COUNTS
    cold = next((int(word[5:]) for word in wanted if word.startswith("cold=")), RUNS)
    both = not {"postmark", "stat"} & set(wanted)
    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.mount("none", "/", flags=syscalls.MS_REC | syscalls.MS_PRIVATE)
    if both or "postmark" in wanted:
        with disk() if "disk" in wanted else ext4_in_memory() as place:
            postmark(Bench(place), counts)
    if both or "stat" in wanted:
        with disk() as place:
            stat(Bench(place), counts, cold)


if __name__ == "__main__":
    main(sys.argv[1:])
