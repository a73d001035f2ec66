"""MAD008 and MAD009: imports that go round, and tables of durations."""

from __future__ import annotations

from madeus.diagnostics.page import Page

_IDLE = "component Idle {\n  initial place waiting\n}\n"
_WEB = "component Web {\n  initial place off\n  place on\n  transition start: off -> on\n}\n"

PAGES = (
    Page(
        code="MAD008",
        title="a file that imports itself",
        text="""
A file imports itself, directly or by way of others. Move what both files need into a third one that both of them
import.
""",
        wrong='import "other.madeus"\n\n' + _IDLE,
        mended='import "third.madeus"\n\n' + _IDLE,
        beside=(
            ("other.madeus", 'import "example.madeus"\n'),
            ("third.madeus", _IDLE.replace("Idle", "Lazy")),
        ),
    ),
    Page(
        code="MAD009",
        title="a table of durations that cannot be understood",
        text="""
`durations "measured.json"` names a file with a JSON object. Each entry gives the seconds a transition takes, or a pair
of the least and the most.
""",
        wrong='durations "broken.json"\n\n' + _WEB,
        mended='durations "measured.json"\n\n' + _WEB,
        beside=(("broken.json", '{ "Web.start": "2s" }\n'), ("measured.json", '{ "Web.start": [1.5, 4] }\n')),
    ),
)
