"""State directories for the tests, on a memory file system where there is one."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.executor.drift.probed import Hosts


@pytest.fixture
def state() -> Iterator[Path]:
    """A state directory."""
    memory = Path("/dev/shm")
    where = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    made = Path(tempfile.mkdtemp(prefix="madeus-test-", dir=where))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def hosts() -> Hosts:
    """Scripted hosts."""
    return Hosts()
