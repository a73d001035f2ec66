"""What opening a transport costs before anything is sent."""

from __future__ import annotations

import subprocess
import sys

IMPORTING = "from madeus.executor.transport.sooner import import_asyncssh\nimport_asyncssh()\n"
ALGORITHMS = """
from asyncssh.encryption import get_encryption_algs
from asyncssh.kex import get_kex_algs
from asyncssh.mac import get_mac_algs
print(get_kex_algs(), get_encryption_algs(), get_mac_algs())
"""


def python(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


def test_importing_asyncssh_runs_no_other_program() -> None:
    watch = "import sys\nsys.addaudithook(lambda name, _: name == 'subprocess.Popen' and print(name))\n"
    assert python(watch + IMPORTING) == ""


def test_asyncssh_knows_the_same_algorithms_however_it_is_imported() -> None:
    assert python(IMPORTING + ALGORITHMS) == python(ALGORITHMS)


def test_what_libraries_are_found_afterwards_is_as_before() -> None:
    asked = "import ctypes.util\nbefore = ctypes.util.find_library\n"
    assert python(f"{asked}{IMPORTING}print(ctypes.util.find_library is before)") == "True\n"
