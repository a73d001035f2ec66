"""What holds for every test."""

from __future__ import annotations

import os

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests on test hosts share this machine's namespaces and need root: one after another, and skipped for others."""
    for item in items:
        if item.get_closest_marker("hosts") is not None:
            item.add_marker(pytest.mark.xdist_group("hosts"))
            if os.geteuid() != 0:
                item.add_marker(pytest.mark.skip(reason="test hosts need root"))
