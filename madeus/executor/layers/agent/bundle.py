"""The program as the one file that is sent to a host. Controller's side: it is no part of the program itself.

The file carries its modules; the first time that it runs it lays them beside itself, where Python keeps them compiled: a call
takes milliseconds. Its name has the digest of its text: hosts get it once.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path

STORE = "/var/lib/madeus"
PACKAGE = "madeus_layers"
_LEFT_OUT = {"bundle.py"}

_LAUNCHER = '''\
"""The program that stacks layers on this host. Made by Madeus; see its documentation of layers."""
import os, sys
HOME = os.path.splitext(os.path.abspath(__file__))[0]
if not os.path.isdir(HOME):
    import base64, json, zlib
    fresh = "%s.%d" % (HOME, os.getpid())
    os.makedirs(fresh + "/{package}", 0o755, exist_ok=True)
    for name, text in json.loads(zlib.decompress(base64.b85decode(MODULES))).items():
        with open(fresh + "/{package}/" + name, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    try:
        os.rename(fresh, HOME)
    except OSError:
        import shutil
        shutil.rmtree(fresh)
        if not os.path.isdir(HOME):
            raise
sys.path.insert(0, HOME)
sys.pycache_prefix = None
sys.dont_write_bytecode = False
from {package}.program import main
sys.exit(main(sys.argv[1:]))
'''


@dataclass(frozen=True, slots=True)
class Bundle:
    """The program, ready to be sent."""

    modules: str = field(repr=False)
    """Names and texts, as JSON."""
    sha256: str
    """Of the launcher and the modules."""
    path: str
    """Where it is to be on a host."""

    @property
    def content(self) -> bytes:
        """The file. Needed once on each host: packing takes longer than a switch."""
        packed = base64.b85encode(zlib.compress(self.modules.encode(), 9)).decode()
        first, rest = _launcher().split("import os, sys\n", 1)
        return f"{first}import os, sys\nMODULES = '{packed}'\n{rest}".encode()


@functools.cache
def bundle(store: str = STORE) -> Bundle:
    """The program for hosts whose store directory is `store`."""
    here = Path(__file__).parent
    texts = {
        path.name: path.read_text(encoding="utf-8") for path in sorted(here.glob("*.py")) if path.name not in _LEFT_OUT
    }
    modules = json.dumps(texts)
    sha256 = hashlib.sha256(f"{_launcher()}{modules}".encode()).hexdigest()
    return Bundle(modules, sha256, f"{store}/layers/agent-{sha256[:16]}.py")


def _launcher() -> str:
    return _LAUNCHER.replace("{package}", PACKAGE)
