"""Random model texts, well formed by construction: tokens of a random tree, with random gaps between them."""

from __future__ import annotations

from itertools import chain

from hypothesis import strategies as st

_KEYWORDS = (
    "place",
    "service",
    "run",
    "connect",
    "goal",
    "all",
    "in",
    "to",
    "takes",
    "version",
    "for",
    "not",
    "wait",
    "as",
)
_PLAIN = ("a", "db-1", "web_2", "x--y", "up", "started", "Server", "_p", "t1")
words = st.sampled_from(_PLAIN)
"""Names that may stand anywhere."""
names = st.one_of(words, words, st.sampled_from(_KEYWORDS))
"""Names where the position alone says that it is one."""

Tokens = list[str]
_NL = "\n"
"""A line end that counts."""
_LINES = "{ of lines"
"""The brace of a block in which line ends count."""


def _joined(lists: list[Tokens]) -> Tokens:
    return list(chain.from_iterable(lists))


def _join(*parts: str | Tokens) -> Tokens:
    out: Tokens = []
    for part in parts:
        if isinstance(part, str):
            out += part.split(" ") if part else []
        else:
            out += part
    return out


def _commas(items: list[Tokens]) -> Tokens:
    out: Tokens = []
    for number, item in enumerate(items):
        out += ([","] if number else []) + item
    return out


def _listed(item: st.SearchStrategy[str], most: int = 3) -> st.SearchStrategy[Tokens]:
    return st.lists(item.map(lambda name: [name]), min_size=1, max_size=most).map(_commas)


strings = st.sampled_from(
    ['""', '"a b"', '"//no comment"', '"/* no */"', r'"q \" \\ \n \d"', '"${port} $${x} $HOME"', '"é 漢"', '"{"', '"""a"b"""',
     '"""\n  run\n    more ${host.name}\n  """', '"""\nx\n"""']
)  # fmt: skip
durations = st.sampled_from(["5s", "1.5min", "20ms", "0s", "2h", "1d"])
_literals = st.one_of(
    strings, durations, st.sampled_from(["0", "7", "0644", "2.50", "95%", "true", "false", "${port}"])
).map(lambda text: [text])
_lists = st.deferred(lambda: st.lists(expressions, max_size=2).map(lambda items: ["[", *_commas(items), "]"]))
_maps = st.deferred(
    lambda: st.lists(st.tuples(names, expressions), max_size=2).map(
        lambda items: ["{", *_commas([[key, "=", *value] for key, value in items]), "}"]
    )
)
values: st.SearchStrategy[Tokens] = st.one_of(_literals, _literals, _literals, _lists, _maps)
_factors: st.SearchStrategy[Tokens] = st.deferred(
    lambda: st.one_of(
        values,
        words.map(lambda name: [name]),
        expressions.map(lambda inner: ["(", *inner, ")"]),
        st.one_of(values, words.map(lambda name: [name])).map(lambda inner: ["-", *inner]),
    )
)
expressions: st.SearchStrategy[Tokens] = st.recursive(
    st.one_of(_literals, words.map(lambda name: [name])),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: [*t[0], t[1], *t[2]]),
        inner.map(lambda t: ["(", *t, ")"]),
        st.tuples(st.just("-"), words).map(list),
        st.lists(inner, max_size=2).map(lambda items: ["[", *_commas(items), "]"]),
    ),
    max_leaves=5,
)
_indexes = st.one_of(
    st.just([]),
    st.just([]),
    expressions.map(lambda inner: ["[", *inner, "]"]),
    st.tuples(expressions, expressions).map(lambda t: ["[", *t[0], "..", *t[1], "]"]),
)


@st.composite
def _references(draw: st.DrawFn) -> Tokens:
    return [draw(names), *draw(_indexes), ".", draw(names)]


references = _references()
formulas: st.SearchStrategy[Tokens] = st.recursive(
    references,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: [*t[0], t[1], *t[2]]),
        inner.map(lambda t: ["(", *t, ")"]),
        inner.map(lambda t: ["not", "(", *t, ")"]),
        references.map(lambda t: ["not", *t]),
    ),
    max_leaves=5,
)


@st.composite
def _actions(draw: st.DrawFn) -> Tokens:
    tokens = [draw(words)]
    for _ in range(draw(st.integers(0, 3))):
        tokens += draw(st.one_of(values, words.map(lambda name: [name])))
    if draw(st.booleans()):
        tokens += ["->", *draw(_listed(words))]
    return tokens if draw(st.integers(0, 3)) else ["probe", *tokens]


@st.composite
def _action_blocks(draw: st.DrawFn) -> Tokens:
    lines = draw(st.lists(_actions(), max_size=3))
    out = [_LINES]
    for number, line in enumerate(lines):
        out += ([draw(st.sampled_from([_NL, ";"]))] if number else []) + line
    return [*out, "}"]


@st.composite
def _transitions(draw: st.DrawFn) -> Tokens:
    tokens = ["transition", draw(names), ":", draw(names), "->", draw(words)]
    clauses = [
        ["in", *draw(_listed(words))],
        ["station", *draw(_listed(words))],
        ["takes", draw(durations), *draw(st.sampled_from([[], [".."], ["..", "9s"]]))],
        ["idempotent"],
    ]
    for clause in draw(st.permutations(clauses))[: draw(st.integers(0, 4))]:
        tokens += clause
    return tokens + draw(st.one_of(st.just([]), _action_blocks()))


@st.composite
def _members(draw: st.DrawFn) -> Tokens:
    match draw(st.integers(0, 5)):
        case 0:
            initial = draw(st.sampled_from(["", "initial"]))
            body = draw(st.one_of(st.just([]), _action_blocks()))
            return _join(initial, "place", draw(_listed(words)), body)
        case 1:
            return ["group", draw(names), "=", *draw(_listed(words))]
        case 2:
            kind = draw(st.sampled_from([["service"], ["data"]]))
            type_ = draw(st.sampled_from([[], [":", "address"]]))
            return ["provide", *kind, draw(words), *type_, "at", *draw(_listed(words))]
        case 3:
            many = draw(st.sampled_from([[], ["any"], ["all", "optional"], ["optional", "one"]]))
            end = [draw(st.sampled_from(["for", "during"])), *draw(_listed(words))]
            return ["use", "service", draw(words), *many, *end]
        case 4:
            block = draw(st.lists(_transitions(), max_size=2))
            return ["behavior", draw(words), *(["{", *_joined(block), "}"] if block else [])]
        case _:
            return draw(_transitions())


@st.composite
def _instances(draw: st.DrawFn) -> Tokens:
    tokens = [draw(names), *draw(_indexes), ":", draw(words)]
    if draw(st.booleans()):
        arguments = [[draw(names), "=", *draw(expressions)] for _ in range(draw(st.integers(0, 2)))]
        tokens += ["(", *_commas(arguments), *([","] if arguments and draw(st.booleans()) else []), ")"]
    if draw(st.booleans()):
        tokens += ["on", draw(st.one_of(names, st.sampled_from(['"h.example.org"', '"to"']))), *draw(_indexes)]
    return tokens if draw(st.integers(0, 3)) else [*tokens, "in", "layer"]


@st.composite
def _loops(draw: st.DrawFn, inner: st.SearchStrategy[Tokens]) -> Tokens:
    head = ["for", draw(names), "in", *draw(expressions), "..", *draw(expressions)]
    return [*head, "{", *_joined(draw(st.lists(inner, max_size=2))), "}"]


_wired = st.one_of(_instances(), st.tuples(references, references).map(lambda t: ["connect", *t[0], "to", *t[1]]))
_instructions = st.one_of(
    _instances().map(lambda t: ["add", *t]),
    words.map(lambda t: ["delete", t]),
    st.tuples(references, references).map(lambda t: ["disconnect", *t[0], "from", *t[1]]),
    references.map(lambda t: ["push", *t]),
    st.tuples(references, references, words).map(lambda t: ["push", *t[0], "as", t[2], "on_failure", "push", *t[1]]),
    st.just(["wait", "all"]),
    words.map(lambda t: ["wait", t]),
)
_bounds = st.tuples(st.sampled_from(["<", "<=", ">", ">=", "="]), expressions).map(lambda t: [t[0], *t[1]])
_questions = st.one_of(
    st.tuples(names, formulas).map(lambda t: ["goal", t[0], "=", *t[1]]),
    st.tuples(words, st.sampled_from([[], ["always"], ["possible"], ["recoverable"]])).map(
        lambda t: ["deployable", t[0], *t[1]]
    ),
    words.map(lambda t: ["reachable", t]),
    st.lists(references, min_size=1, max_size=3).map(lambda t: ["sequence", *_commas(t)]),
    _bounds.map(lambda t: ["parallelism", *t, "of", "a", ",", "b"]),
    st.just(["parallelism"]),
    st.tuples(words, _bounds).map(lambda t: ["duration", t[0], *t[1]]),
    formulas.map(lambda t: ["forbidden", *t]),
    st.tuples(references, _bounds).map(lambda t: ["available", *t[0], "off", *t[1]]),
    st.sampled_from([["terminates"], ["confluent"], ["boundaries", "up"]]),
    st.tuples(references, _bounds).map(lambda t: ["parametric", *t[0], "for", "up", *t[1]]),
)


@st.composite
def _declarations(draw: st.DrawFn) -> Tokens:
    match draw(st.integers(0, 8)):
        case 0:
            return [draw(st.sampled_from(["import", "durations"])), draw(strings)]
        case 1:
            return ["secret", draw(words)]
        case 2 | 3:
            parameters = [
                [draw(names), ":", draw(words), "=", *draw(expressions)] for _ in range(draw(st.integers(0, 2)))
            ]
            head = ["component", draw(names), *(["(", *_commas(parameters), ")"] if parameters else [])]
            return [*head, "{", *_joined(draw(st.lists(_members(), max_size=5))), "}"]
        case 4 | 5:
            body = draw(st.lists(st.one_of(_wired, _loops(_wired)), max_size=4))
            return ["assembly", draw(names), "(", "n", ":", "int", ")", "{", *_joined(body), "}"]
        case 6:
            body = draw(st.lists(st.one_of(_instructions, _loops(_instructions)), max_size=4))
            failing = draw(st.sampled_from([[], [], ["on_failure", "rollback"]]))
            return ["program", draw(names), "for", draw(words), *failing, "{", *_joined(body), "}"]
        case 7:
            body = draw(st.lists(_questions, max_size=5))
            nested = ["with", "failures", "1", "{", *_joined(draw(st.lists(_questions, max_size=2))), "}"]
            after = draw(st.sampled_from([[], ["after", "p", ",", "q", "and", "r"]]))
            return ["verify", draw(words), *after, "{", *_joined(body), *nested, "}"]
        case _:
            lines = [
                ["base", draw(words)],
                ["base", draw(words), "from", draw(strings)],
                [draw(st.sampled_from(["persistent", "service"])), draw(strings)],
                ["policy", draw(strings), draw(words)],
                ["lingering", draw(words)],
                ["version", '"1"', "from", "package", "m1"],
                ["version", '"1"', "from", draw(strings)],
                ["version", '"2"', "after", '"1"', *draw(st.one_of(st.just([]), _action_blocks()))],
            ]
            items = draw(st.lists(st.sampled_from(lines), max_size=5))
            return ["role", draw(words), "{", *_joined(items), "}"]


_GAPS = ("", "", "", " ", "  ", "\t", "\r\n", "\n", "\n\n", "\n   \n", "/* b */", "\n/* two\n lines */\n", "// line\n",
         " // é\n",
         "\n/// doc\n", "\n  ///\n", "\n//// four\n")  # fmt: skip
_INLINE_GAPS = ("", "", " ", "\t", "/* b */")


@st.composite
def modules(draw: st.DrawFn) -> str:
    """The text of a whole module without a fault."""
    tokens = _joined(draw(st.lists(_declarations(), max_size=3)))
    random = draw(st.randoms(use_true_random=False))
    out: list[str] = []
    brackets: list[bool] = []  # whether line ends count right inside
    previous = ""
    for token in tokens:
        if token == _NL:
            out.append(random.choice(["\n", "  \n", " // end\n", "\n\n", "\n/// doc\n"]))
            previous = ""
            continue
        written = token[0] if token == _LINES else token
        free = not (brackets and brackets[-1])
        # a keyword used as a name on a new line would read as the next statement
        gap = random.choice(_GAPS if free and token not in _KEYWORDS else _INLINE_GAPS)
        if not gap and previous and _would_merge(previous, written):
            gap = " "
        out += [gap, written]
        if written in ("(", "[", "{"):
            brackets.append(token == _LINES)
        elif written in (")", "]", "}"):
            brackets.pop()
        previous = written
    out.append(random.choice(["", "\n", "\n// the end", "\n/* the end */\n\n", "\n/// nothing\n"]))
    return "".join(out)


def _would_merge(left: str, right: str) -> bool:
    """Whether two tokens without a gap would be read as other ones."""
    if left[-1] in '-.<>/="$' or right[0] in '-.<>/="$*':
        return True
    return (left[-1].isalnum() or left[-1] in "_%") and (right[0].isalnum() or right[0] == "_")
