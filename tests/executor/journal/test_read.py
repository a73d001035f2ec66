"""Runs read back, for people."""

from __future__ import annotations

import pytest

from madeus.executor.journal.read import written
from madeus.model.action import Action
from madeus.model.value import Duration, Value
from tests.executor.action.world import action


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (action("copy", "a", to="/b", mode=0o640), 'copy "a" to "/b" mode 0640'),
        (action("copy", "a/", to="/b/", directory_mode=0o750), 'copy "a/" to "/b/" directory_mode 0750'),
        (action("run", "env", environment=(("A", "b c"), ("B", "2"))), 'run "env" environment { A = "b c", B = "2" }'),
        (action("package", ("a", "b"), present=True), 'package ["a", "b"] present'),
        (action("service", "a", enabled=False), 'service "a" enabled false'),
        (action("run", 'echo "a\\b"', timeout=Duration(90)), r'run "echo \"a\\b\"" timeout 90s'),
        (action("run", "a\nb"), 'run """a\nb"""'),
    ],
)
def test_an_action_is_shown_as_the_language_writes_it(given: Action, text: str) -> None:
    assert written(given) == text


def test_an_empty_list_is_shown_as_a_list() -> None:
    nothing: Value = ()
    assert written(action("run", "a", expect=nothing)) == 'run "a" expect []'
