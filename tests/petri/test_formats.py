"""Names round-trip through every export, and the exports say what the net says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madeus.model import Interval, Push
from madeus.petri import Net, NetBuilder, reachability_graph, translate
from madeus.petri.formats import to_dot, to_json, to_lola, to_tapaal, to_tina, untimed_because
from madeus.petri.formats.names import LOLA, TAPAAL, braced, quoted, unbraced, unquoted
from madeus.petri.interop import graph_to_networkx, snakes_graph, to_networkx
from madeus.semantics import System
from tests.build import assembly, kind, program

GOLDEN = Path(__file__).parent.parent / "golden" / "nets"

NAMES = st.one_of(
    st.text(min_size=1, max_size=8),
    st.sampled_from(["PLACE", "12", "web[1].up", "a%20%b", "FAIR", "{x}", "True", "2go"]),
)


def small() -> Net:
    builder = NetBuilder("small")
    p, q, r = builder.place("web[1].off", 1), builder.place("{q}"), builder.place("PLACE", 2)
    builder.transition("fire web[1].up", [(p, 1)], [(q, 2)], [(r, 1)], [(q, 1)], interval=Interval(0.5, 2.25))
    builder.transition("go", [(r, 2)], urgent=True)
    return builder.build([1, 2, 2])


@given(NAMES)
def test_lola_names_are_words_and_come_back(name: str) -> None:
    word = LOLA.encode(name)
    assert re.fullmatch(r"[^,;:()\t \n\r{}]+", word)
    assert not word.isdigit()
    assert word not in ("PLACE", "MARKING", "TRANSITION", "CONSUME", "PRODUCE", "SAFE", "STRONG", "WEAK", "FAIR")
    assert LOLA.decode(word) == name


@given(NAMES, NAMES)
def test_different_names_stay_different_for_lola(one: str, other: str) -> None:
    assert (LOLA.encode(one) == LOLA.encode(other)) == (one == other)


@given(NAMES)
def test_braced_and_quoted_names_come_back(name: str) -> None:
    assert unbraced(braced(name)) == name
    assert unquoted(quoted(name)) == name
    assert not re.search(r'(?<!\\)(?:\\\\)*"', quoted(name)[1:-1])


def test_lola_has_every_name_and_ordinary_arcs_only() -> None:
    text = to_lola(small())
    names = {LOLA.decode(word) for word in re.findall(r"^TRANSITION (\S+)", text, re.MULTILINE)}
    assert names == {"fire web[1].up", "go"}
    assert "MARKING\n  web[1].off, %50%LACE: 2, not%20%%7b%q%7d%: 2;" in text
    assert "CONSUME web[1].off: 1, not%20%%7b%q%7d%: 2, %50%LACE: 1;" in text


def test_tina_counts_time_in_units_that_make_all_bounds_whole() -> None:
    assert to_tina(small()) == (
        "# one unit of time is 1/4 s\n"
        "net {small}\n"
        "pl {web[1].off} (1)\n"
        "pl {\\{q\\}}\n"
        "pl {PLACE} (2)\n"
        "tr {fire web[1].up} [2,9] {web[1].off} {PLACE}?1 {\\{q\\}}?-1 -> {\\{q\\}}*2\n"
        "tr {go} [0,0] {PLACE}*2 ->\n"
    )


@given(NAMES, NAMES)
def test_tapaal_names_are_identifiers_come_back_and_stay_different(one: str, other: str) -> None:
    word = TAPAAL.encode(one)
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", word)
    assert word.lower() not in ("true", "false")
    assert TAPAAL.decode(word) == one
    assert (word == TAPAAL.encode(other)) == (one == other)


def served() -> Net:
    """A provider that is updated beside its user; one action may fail."""
    provider = kind(
        "P",
        "places off* on",
        "up: off -> on in up takes 1..2",
        "down: on -> off in down takes 0.5..inf",
        "provide s at on",
    )
    user = kind("U", "places off* on", "up: off -> on in up takes 3..3", "use s for up")
    whole = assembly([provider, user], "p:P u:U", "u.s p.s")
    return translate(System(whole, ((program("go", Push("p", "up"), Push("u", "up"), Push("p", "down")),),), 1)).net


def test_the_file_for_tapaal_is_as_agreed() -> None:
    assert to_tapaal(served()) == (GOLDEN / "served.tapn").read_text()


def test_the_file_for_tapaal_has_the_parts_that_its_reader_asks_for() -> None:
    """Numbers where it takes numbers, one arc between two nodes, transport arcs in pairs with a group each."""
    for net in (served(), clashing()):
        root = ElementTree.fromstring(to_tapaal(net))
        name = "{http://www.informatik.hu-berlin.de/top/pnml/ptNetb}"
        assert [child.tag.removeprefix(name) for child in root] == ["net", "k-bound", "feature"]
        ids = [node.attrib["id"] for node in root[0] if "id" in node.attrib]
        assert len(set(ids)) == len(ids)
        words = [node.attrib["name"] for node in root[0] if "name" in node.attrib]
        assert len(set(words)) == len(words)
        assert all(re.fullmatch(r"< inf|<= [0-9]+", p.attrib["invariant"]) for p in root[0].findall(f"{name}place"))
        arcs = root[0].findall(f"{name}arc")
        ends = [(a.attrib["source"], a.attrib["target"]) for a in arcs if a.attrib["type"] != "tapnInhibitor"]
        assert len(set(ends)) == len(ends)
        pairs = [a for a in arcs if a.attrib["type"] == "transport"]
        for there, back in zip(pairs[::2], pairs[1::2], strict=True):
            assert (there.attrib["source"], there.attrib["target"]) == (back.attrib["target"], back.attrib["source"])
            assert there.attrib["inscription"] == back.attrib["inscription"]
        for node in root[0]:
            for key in ("positionX", "positionY", "nameOffsetX", "nameOffsetY", "initialMarking", "weight"):
                assert int(node.attrib.get(key, "0")) >= 0
        urgent = {t.attrib["id"] for t in root[0].findall(f"{name}transition") if t.attrib["urgent"] == "true"}
        assert all(
            a.attrib["inscription"].startswith("[0,inf)") or a.attrib["target"] not in urgent
            for a in arcs
            if a.attrib["type"] in ("timed", "transport")
        ), "an urgent transition asks for no age"


def clashing() -> Net:
    twice = kind("C", "places a* b", "x: a -> b station x takes 1..1", "y: a -> b station y takes 2..2")
    return translate(System(assembly([twice], "c:C"))).net


def test_a_clash_is_a_place_in_the_file_for_tapaal_and_times_stay() -> None:
    assert untimed_because(clashing()) is None
    text = to_tapaal(clashing())
    assert 'name="clash"' in text
    assert 'inscription="[2,2]" type="timed"' in text


def test_times_that_ages_cannot_say_are_left_out_and_the_file_says_so() -> None:
    reason = "fire web[1].up takes time and asks for more than one token"
    assert untimed_because(small()) == reason
    text = to_tapaal(small())
    assert f">Without times: {reason}.</labels>" in text
    assert 'isTimed="false"' in text
    assert "&lt;=" not in text
    assert 'urgent="true"' not in text
    builder = NetBuilder("many")
    p = builder.place("p", 2)
    builder.transition("t", [(p, 1)], interval=Interval(1, 2))
    assert untimed_because(builder.build([2])) == "p, where t takes time, may hold several tokens"


def test_json_says_all_of_the_net() -> None:
    value = json.loads(json.dumps(to_json(small())))
    assert value["places"][2] == {"name": "PLACE", "tokens": 2, "bound": 2}
    assert value["transitions"][0]["takes"] == {"web[1].off": 1}
    assert value["transitions"][0]["makes"] == {"{q}": 2}
    assert value["transitions"][0]["reads"] == {"PLACE": 1}
    assert value["transitions"][0]["inhibited_by"] == {"{q}": 1}
    assert value["transitions"][0]["interval"] == [0.5, 2.25]


def test_dot_is_read_by_graphviz() -> None:
    dot = shutil.which("dot")
    if dot is None:
        pytest.skip("Graphviz is not installed")
    done = subprocess.run(
        [dot, "-Tplain"], input=to_dot(small()), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert '"place web[1].off"' in done.stdout


def test_snakes_plays_the_same_token_game() -> None:
    own, theirs = reachability_graph(small()), snakes_graph(small())
    assert {m[:3] for m in theirs.markings} == set(own.markings)


def test_networkx_gets_the_net_and_its_graph() -> None:
    net = small()
    graph = to_networkx(net)
    assert graph.edges[("place", "PLACE"), ("transition", "fire web[1].up")]["kind"] == "read"
    assert graph.nodes["place", "PLACE"]["tokens"] == 2
    states = graph_to_networkx(reachability_graph(net), net)
    assert states.nodes[0]["marking"] == {"web[1].off": 1, "PLACE": 2}
    assert {data["transition"] for _, _, data in states.out_edges(0, data=True)} == {"fire web[1].up", "go"}
