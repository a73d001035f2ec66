"""All benchmarks of the checker, one after the other: ``python benchmarks/checker_all.py``. A quarter of an hour.

OpenStack's questions, stars, chains and stacks, races around a provider, states a second, and SNAKES beside us.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PARTS = (
    ("checker_openstack.py",),
    ("checker_scale.py", "1000", "2000", "10000"),
    ("checker_provider.py", "50", "100"),
    ("checker_states.py", "4"),
    ("checker_peer.py",),
)

if __name__ == "__main__":
    for name, *arguments in PARTS:
        print(f"== {name} {' '.join(arguments)}", flush=True)
        subprocess.run([sys.executable, str(Path(__file__).parent / name), *arguments], check=True)
