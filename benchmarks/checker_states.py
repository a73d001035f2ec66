"""How many states a second the exhaustive search visits, and in how many bytes: OpenStack where only fired and ended are kept.

16,241,391 configurations, in 62 bits each, and the same with four bits to a place: the width of a net of 250 places. Bytes are
those of the arrays, and what the process has grown by at its largest. A plain Python search of the same net runs beside it for
comparison. About a minute. Run ``python benchmarks/checker_states.py [1 | 4]`` for one width alone: how far a process has grown
is told once.
"""

from __future__ import annotations

import resource
import sys
import time
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from madeus.checker.engine import Watch
from madeus.checker.engines.explicit.encoding import encode_net
from madeus.checker.engines.explicit.vector import Sweep
from madeus.petri.net import Net
from madeus.petri.reachability import TooManyMarkings, reachability_graph
from tests.checker.openstack import fired_and_ended, openstack


def main(widths: list[int]) -> None:
    """Print the two speeds, their ratio, and the bytes."""
    net: Net = fired_and_ended(openstack())
    began = time.perf_counter()
    limit = 20_000
    with suppress(TooManyMarkings):
        reachability_graph(net, limit)
    plain = limit / (time.perf_counter() - began)
    print(f"plain search    {plain:12,.0f} states/s")
    for width in widths:
        before = peak()
        began = time.perf_counter()
        watch = Watch()
        sweep = Sweep(encode_net(net, [width] * len(net.places)))
        sweep.run(watch)
        seconds = time.perf_counter() - began
        rate = watch.states / seconds
        bits = width * len(net.places)
        print(f"{bits:4} bits       {rate:12,.0f} states/s  ({watch.states:,} states in {seconds:.1f} s)")
        print(f"ratio           {rate / plain:12,.1f}")
        print(f"arrays          {sweep.visited.nbytes() / watch.states:12.1f} bytes a state")
        print(f"peak            {(peak() - before) / watch.states:12.1f} bytes a state", flush=True)


def peak() -> int:
    """The largest resident memory of the process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [1, 4])
