"""How many states a second the exhaustive search visits, and in how many bytes: OpenStack where only fired and ended are kept.

16,241,391 configurations, in 62 bits each, and the same with four bits to a place: the width of a net of 250 places. Bytes are
those of the arrays, and what the process has grown by at its largest. A plain Python search of the same net runs beside it for
comparison, and SNAKES on a part of it; rates are by CPU time, wall time beside it. Half a minute.
``python benchmarks/checker_states.py [1 | 4]`` for one width alone: how far a process has grown
is told once.
"""

from __future__ import annotations

import resource
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from madeus.checker.engine import Budget, Watch
from madeus.checker.engines.explicit.encoding import encode_net
from madeus.checker.engines.explicit.vector import Sweep
from madeus.petri.net import Net
from madeus.petri.reachability import TooManyMarkings, reachability_graph
from tests.checker.openstack import fired_and_ended, openstack

FLOOR = 300_000
"""States a second."""
BYTES = 64
"""Of a state, at most."""


def snakes(patience: float = 10.0) -> float:
    """States a second of the peer: its state graph of the part that it manages."""
    from madeus.petri.interop import snakes_graph

    part = fired_and_ended(openstack(only=("facts", "haproxy", "common", "memcached", "openvswitch", "rabbitmq")))
    part = replace(part, bounds=(1,) * len(part.places))
    began = time.process_time()
    watch = Watch(budget=Budget(seconds=patience))
    count = len(snakes_graph(part, watch.check).markings)
    return count / (time.process_time() - began)


def main(widths: list[int]) -> None:
    """Print the speeds, their ratios, and the bytes."""
    net: Net = fired_and_ended(openstack())
    began = time.process_time()
    limit = 20_000
    with suppress(TooManyMarkings):
        reachability_graph(net, limit)
    plain = limit / (time.process_time() - began)
    peer = snakes()
    print(f"SNAKES          {peer:12,.0f} states/s")
    print(f"plain search    {plain:12,.0f} states/s")
    for width in widths:
        before = peak()
        began, clock = time.process_time(), time.perf_counter()
        watch = Watch()
        sweep = Sweep(encode_net(net, [width] * len(net.places)))
        sweep.run(watch)
        seconds, wall = time.process_time() - began, time.perf_counter() - clock
        rate = watch.states / seconds
        bits = width * len(net.places)
        kept = "kept" if rate >= FLOOR else "MISSED"
        print(
            f"{bits:4} bits       {rate:12,.0f} states/s  ({watch.states:,} states in {seconds:.1f} s CPU, {wall:.1f} s wall)"
        )
        print(f"floor           {FLOOR:12,} states/s  {kept}")
        print(f"ratio           {rate / plain:12,.1f}  to plain search, {rate / peer:,.0f} to SNAKES")
        print(f"arrays          {sweep.visited.nbytes() / watch.states:12.1f} bytes a state")
        grown = (peak() - before) / watch.states
        print(
            f"peak            {grown:12.1f} bytes a state  floor {BYTES} {'kept' if grown <= BYTES else 'MISSED'}",
            flush=True,
        )


def peak() -> int:
    """The largest resident memory of the process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [1, 4])
