"""One bed of three hosts for the tests that do not end it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from madeus.executor.testbed import Testbed


@pytest.fixture(scope="session")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    with Testbed.up(["db1", "web1", "web2"], tmp_path_factory.mktemp("bed") / "state", name="shared") as up:
        yield up


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A directory for a bed of the test's own."""
    return tmp_path / "state"
