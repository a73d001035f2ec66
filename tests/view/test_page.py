"""The page of a trace, as text."""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest

from madeus.model import Assembly, Program
from madeus.semantics.trace import Trace
from madeus.view.page import Banner, trace_page
from madeus.view.timeline import ActionDetail, Detail

Run = Callable[..., Trace]
HOSTILE = "</script><script>alert(1)</script><!-- & \u2028 \ud800 @DATA@ @STYLE@"


def carried(page: str) -> dict[str, Any]:
    """What a page carries."""
    packed = re.search(r'id="data">([^<]*)<', page)
    assert packed
    return dict(json.loads(zlib.decompress(b64decode(packed[1]))))


class _Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_needs_nothing_from_anywhere(lamp: Assembly, simulated: Run) -> None:
    page = trace_page(simulated(lamp), lamp)
    tags = _Tags(page).found
    assert not [a for _, a in tags if {"src", "href", "style", "srcset", "action"} & set(a)]
    assert not [a for _, a in tags if any(name.startswith("on") for name in a)]
    assert set(re.findall(r"\w+://[^\s\"']+", page)) == {"http://www.w3.org/2000/svg"}
    assert not {tag for tag, _ in tags} & {"link", "img", "iframe", "base", "form"}


def test_the_policy_allows_the_pages_own_style_and_script_and_nothing_else(lamp: Assembly, simulated: Run) -> None:
    page = trace_page(simulated(lamp), lamp)
    policy = next(a["content"] for t, a in _Tags(page).found if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    for tag in ("style", "script"):
        text = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert text
        assert f"{tag}-src 'sha256-{b64encode(sha256(text[1].encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy


@pytest.mark.parametrize("where", ["title", "description", "stdout", "stderr", "host", "banner"])
def test_hostile_text_reaches_the_page_only_inside_its_data(where: str, lamp: Assembly, simulated: Run) -> None:
    trace = simulated(lamp)
    if where == "title":
        trace = Trace(HOSTILE.replace("\ud800", ""), trace.events)
    words = dict.fromkeys(("description", "stdout", "stderr", "host"), "")
    if where in words:
        words[where] = HOSTILE
    detail = Detail(words["host"], (ActionDetail(words["description"], 0, words["stdout"], words["stderr"]),))
    banner = Banner(HOSTILE, (HOSTILE,)) if where == "banner" else None
    page = trace_page(trace, lamp, {trace.executions[0].fired: detail}, banner=banner)
    assert page.count("<script") == 2
    assert "alert(1)</script>" not in page
    page.encode()
    plain = trace_page(simulated(lamp), lamp)
    assert len(_Tags(page).found) == len(_Tags(plain).found)


def test_times_causes_and_names_travel_unharmed(
    site: Assembly, install: Program, upgrade: Program, simulated: Run
) -> None:
    trace = simulated(site, install, upgrade)
    data = carried(trace_page(trace, site, programs=(install, upgrade)))
    clock = 0
    for index, event in enumerate(trace.events):
        clock += data["ev"]["t"][index]
        assert clock == round(event.time * 1e6)
        back = data["ev"]["x"][index]
        assert (index - back if back else -1) == event.cause
    names = {data["names"][i] for i, k in zip(data["ev"]["e"], data["ev"]["k"], strict=True) if k == "p"}
    assert {"install: push dep.install", "upgrade: wait all"} <= names
    assert set(data["stations"].values()) == {"fresh", "resumed"}


def test_a_trace_without_an_assembly_has_a_timeline_only(lamp: Assembly, simulated: Run) -> None:
    data = carried(trace_page(simulated(lamp)))
    assert data["marks"] is None
    assert data["hosts"] == ["?"]
    assert [c[0] for c in data["comps"]] == ["db", "web[1]", "web[2]", "web[3]"]


def test_an_empty_trace_has_a_page(lamp: Assembly) -> None:
    assert carried(trace_page(Trace("lamp", ()), lamp))["ev"]["k"] == ""


def test_the_host_an_action_ran_on_is_the_host_that_is_shown(lamp: Assembly, simulated: Run) -> None:
    trace = simulated(lamp)
    data = carried(trace_page(trace, lamp, {e.fired: Detail("real-host") for e in trace.executions}))
    assert data["hosts"] == ["real-host"]


def test_four_hundred_bars_fit_in_fifty_kilobytes_and_ten_times_as_many_in_a_hundred_and_ten(
    make_star: Callable[[int], Assembly], simulated: Run
) -> None:
    few, many = make_star(100), make_star(1000)
    assert len(trace_page(simulated(few), few)) < 50_000
    assert len(trace_page(simulated(many), many)) < 110_000
