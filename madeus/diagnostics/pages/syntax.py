"""MAD010 to MAD049: letters and syntax."""

from __future__ import annotations

from madeus.diagnostics.page import Page

_IDLE = "component Idle {\n  initial place waiting\n}\n"

PAGES = (
    Page(
        code="MAD010",
        title="a character that has no meaning here",
        text="""
Outside of strings and comments only letters, digits, `_`, `-` and the language's own signs may stand. Typographic quotes
and non-breaking blanks from a word processor are the usual cause; they look right and are other characters.
""",
        wrong="component Idle {\n  initial place waiting §\n}\n",
        mended=_IDLE,
    ),
    Page(
        code="MAD011",
        title="a string that does not end",
        text="""
A string in single double quotes `"` ends on its own line. A text of several lines stands between triple quotes `\"\"\"`.
A quote inside a string is written `\\"`.
""",
        wrong=(
            "component Web {\n  initial place off\n  place on\n"
            '  transition start: off -> on {\n    run "service web start\n  }\n}\n'
        ),
        mended=(
            "component Web {\n  initial place off\n  place on\n"
            '  transition start: off -> on {\n    run "service web start"\n  }\n}\n'
        ),
    ),
    Page(
        code="MAD012",
        title="a comment that does not end",
        text="A comment that begins with `/*` goes on to the next `*/`; these do not nest. `//` comments end with their line.",
        wrong=_IDLE + "/* more to come\n",
        mended=_IDLE + "/* more to come */\n",
    ),
    Page(
        code="MAD013",
        title="an unknown unit",
        text="""
A number is followed at once by its unit: `ms`, `s`, `min`, `h` or `d` for times, `%` for shares. Minutes are `min`, since
`m` would leave open whether metres, months or minutes are meant.
""",
        wrong="component Web {\n  initial place off\n  place on\n  transition start: off -> on takes 5m\n}\n",
        mended="component Web {\n  initial place off\n  place on\n  transition start: off -> on takes 5min\n}\n",
    ),
    Page(
        code="MAD014",
        title="a number that cannot be read",
        text="""
Whole numbers are written in digits; one that begins with `0` is octal, as file modes are (`0644`), and takes the digits 0
to 7 only. Decimals have digits on both sides of the point. A number has at most 18 digits on either side.
""",
        wrong=(
            "component Web {\n  initial place off\n  place on\n"
            '  transition put: off -> on { copy "a" to "/a" mode 0688 }\n}\n'
        ),
        mended=(
            "component Web {\n  initial place off\n  place on\n"
            '  transition put: off -> on { copy "a" to "/a" mode 0644 }\n}\n'
        ),
    ),
    Page(
        code="MAD015",
        title="an interpolation that does not end",
        text="""
`${` in a string begins a name whose value is put there, and `}` ends it: `"port ${port}"`. For the shell's own `${...}`
double the dollar sign: `"$${HOME}"`.
""",
        wrong=(
            "component Web(port: int = 80) {\n  initial place off\n  place on\n"
            '  transition start: off -> on { run "web --port ${port" }\n}\n'
        ),
        mended=(
            "component Web(port: int = 80) {\n  initial place off\n  place on\n"
            '  transition start: off -> on { run "web --port ${port}" }\n}\n'
        ),
    ),
    Page(
        code="MAD020",
        title="something else is expected here",
        text="""
The text stops fitting the language at the underlined spot. The message says what was found and what would fit. Checking goes
on with the next statement, and names of the faulty one are not reported again as unknown.
""",
        wrong="component Web {\n  initial place off\n  place on\n  transition start: off -> \n}\n",
        mended="component Web {\n  initial place off\n  place on\n  transition start: off -> on\n}\n",
    ),
    Page(
        code="MAD021",
        title="a bracket is not closed",
        text="""
Every `{`, `(` and `[` needs its closing partner. The message points to the opening one; what stands where the closing one
was missed is shown too. `madeus fmt` shows the nesting once the file is whole again.
""",
        wrong="component Web {\n  initial place off\n\ncomponent Idle {\n  initial place waiting\n}\n",
        mended="component Web {\n  initial place off\n}\n\ncomponent Idle {\n  initial place waiting\n}\n",
    ),
    Page(
        code="MAD022",
        title="a closing bracket without an opening one",
        text="Nothing is open that this bracket could close: it stands there once too often, or its partner was deleted.",
        wrong=_IDLE + "}\n",
        mended=_IDLE,
    ),
    Page(
        code="MAD023",
        title="a misspelt keyword",
        text="A word stands where a keyword is expected and is nearly one. The rest is read as if it had been spelt right.",
        wrong="component Web {\n  initial place off\n  place on\n  transtion start: off -> on\n}\n",
        mended="component Web {\n  initial place off\n  place on\n  transition start: off -> on\n}\n",
    ),
    Page(
        code="MAD024",
        title="a missing or a wrong sign",
        text="""
One sign is missing or stands for another: `:` comes between a name and what it is, `=` between a name and its value, `->`
between two places. The rest is read as if the right sign had been there.
""",
        wrong="component Web {\n  initial place off\n  place on\n  transition start = off -> on\n}\n",
        mended="component Web {\n  initial place off\n  place on\n  transition start: off -> on\n}\n",
    ),
    Page(
        code="MAD025",
        title="a statement begins where a name is expected",
        text="""
A line breaks off where a name should follow, and the next line begins with a keyword. Keywords may be names too, but not as the
first word of a line that reads as a statement of its own: complete the line, or write the name on the same line.
""",
        wrong="component Web {\n  initial place off\n  place on,\n  transition start: off -> on\n}\n",
        mended="component Web {\n  initial place off\n  place on\n  transition start: off -> on\n}\n",
    ),
    Page(
        code="MAD026",
        title="nested too deep",
        text="Blocks, lists and parentheses may stand in one another up to 64 deep. Deeper nesting is not read.",
        wrong=(
            "component C {\n  initial place a\n}\n\nassembly s {\n  c: C\n}\n\n"
            "verify s {\n  goal up = " + "(" * 70 + "c.a" + ")" * 70 + "\n  deployable up\n}\n"
        ),
        mended=(
            "component C {\n  initial place a\n}\n\nassembly s {\n  c: C\n}\n\n"
            "verify s {\n  goal up = (c.a)\n  deployable up\n}\n"
        ),
    ),
    Page(
        code="MAD027",
        title="a clause given twice",
        text="A transition, a port or a step has each of its clauses once; with two it is not clear which one counts.",
        wrong="component Web {\n  initial place off\n  place on\n  transition start: off -> on takes 1s takes 2s\n}\n",
        mended="component Web {\n  initial place off\n  place on\n  transition start: off -> on takes 1s..2s\n}\n",
    ),
    Page(
        code="MAD028",
        title="too many faults in one file",
        text="""
After 500 faults the rest of a file is not read: it is most likely no model at all, or one slip at its start spoils the
rest.
""",
        wrong="@ place\n" * 501,
        mended=_IDLE,
    ),
    Page(
        code="MAD029",
        title="a statement in the wrong block",
        text="""
The statement is one of the language's, and stands where it is not allowed: places and transitions belong into a component,
instances and connections into an assembly, goals and questions into a verify block.
""",
        wrong="component Web {\n  initial place off\n  connect a.b to c.d\n}\n",
        mended="component Web {\n  initial place off\n}\n",
    ),
)
