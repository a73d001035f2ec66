"""Names round-trip through every export, and the exports say what the net says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madeus.model import Interval
from madeus.petri import Net, NetBuilder, reachability_graph
from madeus.petri.formats import to_dot, to_json, to_lola, to_tina
from madeus.petri.formats.names import LOLA, braced, quoted, unbraced, unquoted
from madeus.petri.interop import graph_to_networkx, snakes_graph, to_networkx

NAMES = st.one_of(
    st.text(min_size=1, max_size=8), st.sampled_from(["PLACE", "12", "web[1].up", "a%20%b", "FAIR", "{x}"])
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
