"""What holds for every test."""

from __future__ import annotations

import os
import signal

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background of a shell: what the tests start would not hear Ctrl-C either.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests may take long. Tests on test hosts share this machine and need root: one after another, or skipped."""
    for item in items:
        if item.get_closest_marker("long") is not None and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(1800))
        if item.get_closest_marker("hosts") is not None:
            item.add_marker(pytest.mark.xdist_group("hosts"))
            if os.geteuid() != 0:
                item.add_marker(pytest.mark.skip(reason="test hosts need root"))
