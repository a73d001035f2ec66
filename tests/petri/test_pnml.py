"""PNML: what is written is valid and is read back, public nets are read, hostile documents are refused with their place."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from lxml import etree

from madeus.petri import Net, NetBuilder, NetError, plain, reachability_graph, translate
from madeus.petri.formats import PnmlError, from_pnml, to_pnml
from madeus.petri.formats.pnml_write import NAMESPACE, PTNET
from madeus.semantics.system import System
from tests.build import assembly, kind

NETS = Path(__file__).parent.parent / "golden" / "nets"


def site() -> Net:
    provider = kind("P", "places off* on", "up: off -> on takes 1..2", "provide s at on")
    user = kind("U", "places off* on", "up: off -> on", "use s for up")
    return translate(System(assembly([provider, user], "p:P web[1]:U web[2]:U", "web[1].s p.s"), failures=1)).net


@pytest.fixture(scope="module")
def grammar() -> etree.RelaxNG:
    return etree.RelaxNG(etree.parse(str(NETS / "ptnet.rng")))


def test_what_is_written_is_valid(grammar: etree.RelaxNG) -> None:
    grammar.assertValid(etree.fromstring(to_pnml(site()).encode()))


def test_what_is_written_is_read_back_with_its_qualified_names() -> None:
    net = plain(site())
    again = from_pnml(to_pnml(net))
    assert (again.name, again.places, again.transitions) == (net.name, net.places, net.transitions)
    assert (again.initial, again.pre, again.post) == (net.initial, net.pre, net.post)
    assert "web[1].off" in again.places


def test_names_with_signs_of_xml_survive(grammar: etree.RelaxNG) -> None:
    builder = NetBuilder("a & b")
    builder.place("<p> \"x\" 'y' é")
    document = to_pnml(builder.build())
    grammar.assertValid(etree.fromstring(document.encode()))
    assert from_pnml(document).places == ("<p> \"x\" 'y' é",)


def test_a_name_that_xml_cannot_say_is_refused() -> None:
    builder = NetBuilder("n")
    builder.place("a\x00b")
    with pytest.raises(NetError, match="which XML has not"):
        to_pnml(builder.build())


@pytest.mark.parametrize("model", ["Angiogenesis-PT-01", "DiscoveryGPU-PT-15a"])
def test_public_nets_are_read_and_written_again(model: str, grammar: etree.RelaxNG) -> None:
    net = from_pnml((NETS / f"{model}.pnml").read_bytes())
    assert net.name == model
    document = to_pnml(net)
    grammar.assertValid(etree.fromstring(document.encode()))
    assert from_pnml(document).post == net.post


def test_a_public_net_has_as_many_markings_as_was_published() -> None:
    with (NETS / "expected.csv").open() as file:
        expected = {row["model"]: int(row["states"]) for row in csv.DictReader(file)}
    net = from_pnml((NETS / "Angiogenesis-PT-01.pnml").read_bytes())
    assert len(reachability_graph(net).markings) == expected["Angiogenesis-PT-01"] == 110


def document(body: str, head: str = "", kind: str = PTNET) -> str:
    return f'{head}<pnml xmlns="{NAMESPACE}">\n<net id="n" type="{kind}"><page id="g">\n{body}\n</page></net></pnml>'


NODES = '<place id="p"/><place id="q"/><transition id="t"/><transition id="u"/>'
BOMB = (
    '<!DOCTYPE pnml [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1, column 1: not XML: no element found"),
        ("<pnml", "line 1, column 1: not XML: unclosed token"),
        (document("&lol;"), "line 3, column 1: not XML: undefined entity"),
        (document("&i;", BOMB), "line 1, column 16: a document type declaration is not taken"),
        (
            document("", '<!DOCTYPE pnml SYSTEM "file:///etc/passwd">'),
            "line 1, column 43: a document type declaration is not taken",
        ),
        ("<html/>", "line 1, column 1: the document begins with <html> of namespace none, not with PNML's <pnml>"),
        (
            '<pnml xmlns="http://example.org/other"/>',
            "line 1, column 1: the document begins with <pnml> of namespace http://example.org/other, "
            "not with PNML's <pnml>",
        ),
        (f'<pnml xmlns="{NAMESPACE}"/>', "there is no <net> in the document"),
        (
            document("", kind="http://www.pnml.org/version-2009/grammar/highlevelnet"),
            "line 2, column 1: the net has type http://www.pnml.org/version-2009/grammar/highlevelnet; "
            f"only P/T nets ({PTNET}) are read",
        ),
        (document("<place/>"), "line 3, column 1: <place> has no id"),
        (document('<place id="p"/>\n<place id="p"/>'), "line 4, column 1: the id p is used twice"),
        (document('<place id="p"><place id="q"/></place>'), "line 3, column 15: <place> inside of <place>"),
        (
            document(f'{NODES}\n<arc id="a" source="p" target="q"/>'),
            "line 4, column 1: arc a leads from a place to a place",
        ),
        (
            document(f'{NODES}\n<arc id="a" source="t" target="u"/>'),
            "line 4, column 1: arc a leads from a transition to a transition",
        ),
        (
            document(f'{NODES}\n<arc id="a" source="p" target="x"/>'),
            "line 4, column 1: the target of arc a is 'x', which is no place or transition",
        ),
        (
            document(f'{NODES}\n<arc id="a" source="a" target="t"/>'),
            "line 4, column 1: the source of arc a is 'a', which is no place or transition",
        ),
        (
            document(f'{NODES}\n<referencePlace id="r" ref="r"/><arc id="a" source="r" target="t"/>'),
            "line 4, column 1: the reference r leads back to itself",
        ),
        (
            document('<place id="p"><initialMarking><text>-1</text></initialMarking></place>'),
            "line 3, column 39: an initial marking is a whole number of at most 2147483647, not '-1'",
        ),
        (
            document('<place id="p"><initialMarking><text>99999999999999999999</text></initialMarking></place>'),
            "line 3, column 57: an initial marking is a whole number of at most 2147483647, not '99999999999999999999'",
        ),
        (
            document(f'{NODES}\n<arc id="a" source="p" target="t"><inscription><text>0</text></inscription></arc>'),
            "line 4, column 55: the weight of an arc is at least 1, not 0",
        ),
        (
            document("<x>" * 300 + "</x>" * 300),
            "line 3, column 592: more than 200 elements inside each other",
        ),
        (
            document(f'<place id="p"><name><text>{"x" * 20_000}</text></name></place>'),
            "line 3, column 27: a label of more than 10000 characters",
        ),
        ('<?xml version="1.0" encoding="nothing"?><pnml/>', "the encoding cannot be read: unknown encoding: nothing"),
        (document(NODES) * 2, "line 4, column 21: not XML: junk after document element"),
    ],
)
def test_a_document_that_is_not_a_net_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(PnmlError) as caught:
        from_pnml(text)
    assert str(caught.value) == message


@pytest.mark.parametrize("junk", [b"\x00", b"\xff\xfe<", b"<pnml>\x80</pnml>", bytes(range(256))])
def test_bytes_of_any_kind_give_an_error_of_pnml(junk: bytes) -> None:
    with pytest.raises(PnmlError):
        from_pnml(junk)


def test_references_and_pages_inside_pages_are_followed() -> None:
    net = from_pnml(
        document(
            '<place id="p"><initialMarking><text> 2 </text></initialMarking></place>'
            '<page id="h"><transition id="t"/><referencePlace id="r" ref="s"/><referencePlace id="s" ref="p"/>'
            '<arc id="a" source="r" target="t"/><arc id="b" source="r" target="t"/></page>'
        )
    )
    assert net.initial == (2,)
    assert net.pre == (((0, 2),),)


def test_what_another_tool_keeps_for_itself_is_skipped() -> None:
    own = '<toolspecific tool="x" version="1"><place id="p"/><arc source="no"/><text>9</text></toolspecific>'
    assert from_pnml(document(f'<place id="p">{own}</place>{own}')).initial == (0,)
