"""How many states a second the exhaustive search visits: the OpenStack assembly where only fired and ended are kept.

16,241,391 configurations; a plain Python search of the same net runs beside it for comparison. About a minute.
"""

from __future__ import annotations

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


def main() -> None:
    """Print the two speeds and their ratio."""
    net: Net = fired_and_ended(openstack())
    began = time.perf_counter()
    limit = 20_000
    with suppress(TooManyMarkings):
        reachability_graph(net, limit)
    plain = limit / (time.perf_counter() - began)
    began = time.perf_counter()
    watch = Watch()
    sweep = Sweep(encode_net(net, [1] * len(net.places)))
    sweep.run(watch)
    seconds = time.perf_counter() - began
    rate = watch.states / seconds
    print(f"plain search    {plain:12,.0f} states/s")
    print(f"whole levels    {rate:12,.0f} states/s  ({watch.states:,} states in {seconds:.1f} s)")
    print(f"ratio           {rate / plain:12,.1f}")
    # Each state is kept twice: in its level, and in the sorted runs that new states are looked up in.
    print(
        f"memory          {2 * sum(x.states.nbytes + x.marks.nbytes for x in sweep.levels) / watch.states:12.0f} bytes a state"
    )


if __name__ == "__main__":
    main()
