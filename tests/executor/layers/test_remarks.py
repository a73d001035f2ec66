"""What a switch leaves behind is said in sentences."""

from __future__ import annotations

from typing import Any

from madeus.executor.layers.remarks import remarks


def process(pid: int, **more: Any) -> dict[str, Any]:
    return {"pid": pid, "name": "myd", "command": "/opt/myd -x", **more}


def test_nothing_is_said_of_a_switch_that_left_nothing() -> None:
    started = {"argv": ["service", "nginx", "start"], "code": 0, "output": "ok\n"}
    assert remarks({"services": [started], "lingering": []}) == ()


def test_processes_are_named_with_what_they_write_and_what_becomes_of_it() -> None:
    (one,) = remarks({"lingering": [process(7, writes=["/var/log/x"])], "guarded": False})
    assert one.splitlines() == [
        "1 process goes on in the stack from before and does not see the new one:",
        "  myd, pid 7: /opt/myd -x, writes /var/log/x",
        "what is written there may show in the new stack or not, and changes the state that was recorded",
        "start them again, or let the role name their service, or say `lingering end`",
    ]
    (many,) = remarks({"lingering": [process(pid) for pid in range(10)], "guarded": True})
    lines = many.splitlines()
    assert lines[0].startswith("10 processes go on") and lines[9] == "  ... and 2 more"
    assert lines[10] == "nothing can be written there any more: that stack is read-only now"


def test_a_service_that_does_not_start_is_said_and_one_that_does_not_stop_is_not() -> None:
    services = [
        {"argv": ["service", "a", "stop"], "code": 1, "output": ""},
        {"argv": ["service", "b", "start"], "code": 5, "output": "first\nport is taken\n\n"},
    ]
    assert remarks({"services": services}) == ("`service b start` ended with 5: port is taken",)
