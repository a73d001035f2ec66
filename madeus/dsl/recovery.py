"""What the parser does when a token does not fit: one report for each fault, then on with as much of the text as can be saved.

In this order:
1. a small mend (a sign exchanged, inserted or dropped, a misspelt keyword read as it was meant) when the next tokens fit then;
2. a bracket that was never closed is closed where the indentation or the next statement shows that it should have been;
3. the statement is given up: tokens are skipped to the next statement that one of the open blocks takes, and a `Broken`
   node with the words of the gap stands in its place.
Nothing on a line is reported after something else on that line: what follows a fault is mostly its consequence.
"""

from __future__ import annotations

from madeus.diagnostics import Diagnostic, Span, nearest
from madeus.dsl import syntax_errors as errors
from madeus.dsl.builder import Builder
from madeus.dsl.scan import MOST_FAULTS, Scanned, Token
from madeus.dsl.stack import Stack
from madeus.dsl.syntax import Broken
from madeus.dsl.tables import Tables

_PARTNERS = {"LBRACE": "RBRACE", "LPAR": "RPAR", "LSQB": "RSQB"}
_BRACES = {"LBRACE": 1, "LPAR": 1, "LSQB": 1, "RBRACE": -1, "RPAR": -1, "RSQB": -1}
_INSERTED = ("COLON", "ARROW", "EQUAL", "DOT", "COMMA", "TO", "AT", "ON", "FOR", "OF", "FROM")
_EXCHANGED = {
    "EQUAL": ("COLON", "ARROW", "DOT"),
    "COLON": ("EQUAL", "ARROW", "DOT"),
    "MINUS": ("ARROW",),
    "DOTS": ("ARROW",),
    "MORETHAN": ("ARROW",),
    "DOT": ("DOTS", "COLON"),
    "COMMA": ("DOT",),
    "SEMICOLON": ("COMMA", "COLON"),
    "LESSTHAN": ("ARROW",),
    "TO": ("ARROW",),
    "ARROW": ("TO", "COLON", "DOTS"),
}
_DROPPED = frozenset({"SEMICOLON", "COMMA"})
_TOP = frozenset({"COMPONENT", "ASSEMBLY", "PROGRAM", "VERIFY", "ROLLOUT", "ROLE"})
_MOST_WORDS = 1000
"""Tokens of an unreadable stretch whose words are kept."""
_AHEAD = 3
"""Tokens that have to fit after a mend."""


class Recovery:
    """The part of one reading that deals with faults; shares its stack with the machine."""

    __slots__ = ("_builder", "_faulty", "_resumed", "_scanned", "_stack", "_table", "_tokens")

    def __init__(self, table: Tables, scanned: Scanned, builder: Builder, stack: Stack) -> None:
        self._table, self._scanned, self._builder, self._stack = table, scanned, builder, stack
        self._tokens = scanned.tokens
        self._faulty = scanned.faulty_lines
        self._resumed = -1

    # ---- looking at the tokens ---------------------------------------------------------------------------------------

    def _peek(self, position: int) -> Token:
        """A token that may lie beyond the last one."""
        return self._tokens[min(position, len(self._tokens) - 1)]

    def _word(self, position: int) -> bool:
        token = self._peek(position)
        return token.kind == "NAME" or token.kind in self._table.keywords

    def _statement_word(self, position: int) -> bool:
        """A keyword that statements begin with."""
        return self._table.spelling.get(self._tokens[position].kind) in errors.HOMES

    def begins_statement(self, position: int) -> bool:
        """Whether the layout says that a statement begins here: a line with a keyword and more on the same line."""
        token, following = self._tokens[position], self._peek(position + 1)
        if not token.fresh or following.fresh or not self._statement_word(position):
            return False
        return self._word(position + 1) or following.kind in {"STRING", "NUMBER", "MOREEQ", "LESSEQ"}

    def _begins_instance(self, position: int) -> bool:
        """`name:` or `name[...]` at the beginning of a line."""
        token, following = self._tokens[position], self._peek(position + 1)
        return token.fresh and self._word(position) and following.kind in {"COLON", "LSQB"} and not following.fresh

    def _begins_in_line(self, position: int) -> bool:
        """A statement that follows another one on its line: `transition name :` and the like."""
        token, before = self._tokens[position], self._tokens[position - 1]
        if position == 0 or not self._statement_word(position):
            return False
        if not (before.kind in {"NAME", "RBRACE", "STRING", "TIME", "SEMICOLON"} and self._word(position + 1)):
            return False
        return token.kind != "TRANSITION" or self._peek(position + 2).kind == "COLON"

    def breaks_out(self, position: int) -> bool:
        """Whether a line begins that cannot stand in any open bracket, so that one of them was never closed.

        Asked for the first token of each line inside a bracket.
        """
        token = self._tokens[position]
        if token.kind not in self._table.keywords:
            return False
        if token.kind in _TOP:
            return token.column == 1 and self._word(position + 1) and not self._peek(position + 1).fresh
        if self._stack.in_text():
            return False
        following, third = self._peek(position + 1), self._peek(position + 2)
        match token.kind:
            case "TRANSITION":
                return self._word(position + 1) and third.kind == "COLON"
            case "GROUP":
                return self._word(position + 1) and third.kind == "EQUAL"
            case "PROVIDE" | "USE":
                return following.kind in {"DATA", "SERVICE"} and self._word(position + 2)
            case "INITIAL":
                return following.kind == "PLACE"
            case "PLACE" | "BEHAVIOR":
                return self._word(position + 1) and third.kind in {"COMMA", "LBRACE"}
            case _:
                return False

    # ---- reporting ---------------------------------------------------------------------------------------------------

    def _report(self, diagnostic: Diagnostic, position: int) -> None:
        """Report a fault unless its line, or the line of the token that showed it, has one already.

        A token that begins a statement only shows that the line before broke off: its own line is not spoilt by that.
        """
        assert diagnostic.span is not None
        token = self._tokens[position]
        lines = {diagnostic.span.start_line}
        if not (token.fresh and (self._statement_word(position) or self._begins_instance(position))):
            lines.add(token.line)
        if not lines & self._faulty:
            self._builder.report(diagnostic)
        self._faulty |= lines

    def _span(self, position: int) -> Span:
        return self._builder.at(self._tokens[position])

    def _after(self, position: int) -> tuple[Span, str]:
        """Right behind the token before, where a line broke off; and that token for a reader."""
        token = self._tokens[position - 1]
        line, column = token.end_line, token.end_column
        span = Span(self._builder.file, line, column, line, column + 1, token.end, token.end)
        return span, errors.shown(token.kind, token.text)

    # ---- mending -----------------------------------------------------------------------------------------------------

    def mend(self, position: int, kind: str, before: list[int]) -> int:
        """Deal with a token that does not fit; where to go on.

        `kind` is what it was read as (NEWLINE for the line end before it); `before` are the states before reductions it led to.
        """
        faults = len(self._builder.diagnostics) + len(self._scanned.diagnostics)
        if faults > MOST_FAULTS and self._tokens[position].kind != "$END":
            del self._tokens[position:-1]
        token = self._tokens[position]
        stack = self._stack
        if token.kind in {"RBRACE", "RPAR", "RSQB"} and kind != "NEWLINE" and not self._opened(token.kind):
            self._report(errors.not_open(self._span(position), token.text), position)
            return position + 1
        if token.kind == "$END" and stack.brackets:
            return self.close_before(position)
        if kind != "NEWLINE" and stack.in_text():
            mended = self._misspelt_before(position)
            if mended is None:
                mended = self._small_mend(position)
            if mended is not None:
                return mended
        if token.line in self._faulty and not (self.begins_statement(position) or self._begins_instance(position)):
            return self._skip(position)
        terminals, names = stack.expected(before)
        if stack.brackets:
            top = self._tokens[stack.brackets[-1].token]
            closing = _PARTNERS[top.kind]
            outside = token.fresh or token.kind in _PARTNERS.values() or token.kind == "LBRACE"
            if outside and closing in terminals and top.kind != "LBRACE":
                found = errors.shown(token.kind, token.text)
                self._report(errors.unclosed(self._builder.at(top), top.text, self._span(position), found, 0), position)
                return self._skip(position)
        self._report(self._sentence(position, kind, terminals, names), position)
        return self._skip(position)

    def _sentence(self, position: int, kind: str, terminals: set[str], names: set[str]) -> Diagnostic:
        token = self._tokens[position]
        spelling = self._table.spelling
        expected = errors.in_words(terminals, names, spelling)
        word = spelling.get(token.kind, "")
        if self.begins_statement(position) and "NAME" in terminals and "RBRACE" not in terminals:
            span, after = self._after(position)
            return errors.statement_instead_of_name(span, expected, after, word, self._span(position))
        if word in errors.HOMES and ("RBRACE" in terminals or "$END" in terminals) and self._word(position + 1):
            return errors.wrong_block(self._span(position), word, self._block())
        found = errors.shown("NEWLINE" if kind == "NEWLINE" else token.kind, token.text)
        complete = "RBRACE" in terminals or "$END" in terminals
        if position and (token.kind == "$END" or (token.fresh and not (complete and kind != "NEWLINE"))):
            span, after = self._after(position)
            if token.kind != "$END":
                found = f"{found} on the next line" if kind != "NEWLINE" else found
            return errors.unexpected(span, found, expected, after, self._advice(position, terminals))
        return errors.unexpected(self._span(position), found, expected, None, self._advice(position, terminals))

    def _advice(self, position: int, terminals: set[str]) -> str | None:
        token = self._tokens[position]
        if "TIME" in terminals and token.kind == "NUMBER":
            return f"give a unit: `{token.text}s` or `{token.text}ms`, `{token.text}min`, `{token.text}h`"
        if "STRING" in terminals and len(terminals) <= 2 and token.kind == "NAME":
            return f'put quotes around it: `"{token.text}"`'
        if "NAME" in terminals and token.kind == "STRING":
            return "names stand without quotes"
        if "NAME" in terminals and token.kind in {"NUMBER", "TIME", "PERCENT"}:
            return "names begin with a letter or `_`"
        return None

    def _block(self) -> str:
        """The innermost open block, for a reader."""
        for bracket in reversed(self._stack.brackets):
            if self._tokens[bracket.token].kind != "LBRACE":
                continue
            first = self._stack.firsts[bracket.depth - 2] if bracket.depth >= 2 else bracket.token
            word = self._tokens[first].text
            names = {"verify": "a verify block", "for": "a loop", "with": "a block about failures"}
            if word in names:
                return names[word]
            return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
        return "the file outside of all blocks"

    def _opened(self, closing: str) -> bool:
        return any(_PARTNERS[self._tokens[bracket.token].kind] == closing for bracket in self._stack.brackets)

    def _small_mend(self, position: int) -> int | None:
        """One sign or word exchanged, inserted or dropped, if the text goes on well after it; where to go on."""
        token, stack = self._tokens[position], self._stack
        found = errors.shown(token.kind, token.text).strip("`")
        span = self._span(position)
        spelling = self._table.spelling
        if token.kind == "NAME":
            fitting = [w for w in self._table.actions[stack.states[-1]] if w in self._table.keywords and stack.fits(w)]
            meant = nearest(token.text, [spelling[word] for word in fitting])
            if meant is not None and self._goes_on(stack.after(self._table.words[meant], stack.states), position + 1):
                self._report(errors.misspelt(span, token.text, meant), position)
                self._tokens[position] = token._replace(kind=self._table.words[meant], text=meant)
                return position
        following = self._peek(position + 1)
        ends = following.fresh or following.kind in {"RBRACE", "$END"}
        if token.kind in _DROPPED and ends and following.kind != "NAME" and self._goes_on(stack.states, position + 1):
            self._report(errors.needless_sign(span, found), position)
            return position + 1
        for kind in _EXCHANGED.get(token.kind, ()):
            length = 2 if token.kind == "MINUS" and following.kind == "MORETHAN" else 1
            if self._goes_on(stack.after(kind, stack.states), position + length):
                if length == 2:
                    span, found = span.to(self._span(position + 1)), "- >"
                self._report(errors.wrong_sign(span, found, spelling[kind]), position)
                self._tokens[position : position + length] = [token._replace(kind=kind, text=spelling[kind])]
                return position
        if not token.fresh:
            for kind in _INSERTED:
                states = stack.after(kind, stack.states)
                if self._goes_on(states, position):
                    before = self._tokens[position - 1]
                    self._report(
                        errors.missing_sign(span, spelling[kind], errors.shown(before.kind, before.text)), position
                    )
                    self._feed(kind, token._replace(kind=kind, text=spelling[kind]), position)
                    return position
        return None

    def _misspelt_before(self, position: int) -> int | None:
        """A misspelt keyword at the beginning of the line was taken for a name; read as it was meant, if all fits then."""
        stack, tokens = self._stack, self._tokens
        if position == 0 or tokens[position].fresh:
            return None
        head = tokens[position - 1]
        if not head.fresh or head.kind != "NAME" or not stack.firsts or stack.firsts[-1] != position - 1:
            return None
        states = stack.states[:-1]
        spelling, words = self._table.spelling, self._table.words
        fitting = [w for w in self._table.actions[states[-1]] if w in self._table.keywords and stack.fits(w, states)]
        meant = nearest(head.text, [spelling[word] for word in fitting])
        if meant is None or not self._goes_on(stack.after(words[meant], states), position):
            return None
        self._report(errors.misspelt(self._span(position - 1), head.text, meant), position - 1)
        tokens[position - 1] = head._replace(kind=words[meant], text=meant)
        del stack.states[-1], stack.values[-1], stack.firsts[-1]
        self._builder.last = position - 2
        return position - 1

    def _goes_on(self, states: list[int] | None, position: int) -> bool:
        """Whether the next tokens fit after these states; a statement that begins or a block that ends is proof enough."""
        for ahead in range(position, min(position + _AHEAD, len(self._tokens))):
            if states is None:
                return False
            token = self._tokens[ahead]
            following = self._stack.after(token.kind, states)
            if following is None and token.kind in self._table.keywords:
                following = self._stack.after("NAME", states)
            if following is not None and (token.kind in {"LBRACE", "$END"} or (token.fresh and self._telling(ahead))):
                return True
            states = following
        return states is not None

    def _telling(self, position: int) -> bool:
        """Whether the first token of a line fitting says that all before was right: any name may follow a comma."""
        return self._tokens[position].kind != "NAME" or self._begins_instance(position)

    # ---- brackets ----------------------------------------------------------------------------------------------------

    def close_before(self, position: int) -> int:
        """Close what has to be closed before a token that stands outside of it; the innermost bracket is reported."""
        stack, tokens = self._stack, self._tokens
        token = tokens[position]
        keep = 0
        if token.kind not in _TOP and token.kind != "$END":
            keep = max(len(stack.brackets) - 1, 0)
        opening = tokens[stack.brackets[-1].token]
        found = errors.shown(token.kind, token.text)
        others = len(stack.brackets) - keep - 1
        self._report(
            errors.unclosed(self._builder.at(opening), opening.text, self._span(position), found, others), position
        )
        while len(stack.brackets) > keep:
            bracket = stack.brackets[-1]
            closing = _PARTNERS[tokens[bracket.token].kind]
            if not stack.fits(closing):
                level = next(
                    (depth for depth in stack.levels() if depth > bracket.depth and self._ends(depth, closing)), None
                )
                if level is None:  # no block: what the bracket stands in is given up with it
                    level = self._list_level([depth for depth in stack.levels() if depth <= bracket.depth])
                    assert level is not None  # the file is a list of declarations
                    self._give_up(level, position)
                    continue
                self._give_up(level, position)
            self._feed(closing, token, position)
            stack.brackets.pop()
        if not stack.fits(token.kind) and keep == 0:
            return self._skip(position)
        return position

    def _ends(self, level: int, closing: str) -> bool:
        """Whether a bracket may close after something unreadable at a level."""
        broken = self._stack.after("BROKEN", self._stack.states[:level])
        return broken is not None and self._stack.fits(closing, broken)

    def too_deep(self, position: int) -> int:
        """One bracket too many: the whole statement is given up."""
        outermost = self._stack.brackets[0].token
        self._report(errors.too_deep(self._span(position), self._span(outermost)), position)
        return self._skip(position)

    # ---- giving a statement up ---------------------------------------------------------------------------------------

    def _skip(self, position: int) -> int:
        """Skip to a token that an open block takes after something unreadable, and put that there."""
        stack, tokens = self._stack, self._tokens
        levels = list(stack.levels())
        complete = tokens[position].fresh or (position > 0 and tokens[position - 1].kind == "RBRACE")
        if complete and stack.after("BROKEN", stack.states) is not None:
            levels.insert(0, 0)
        margin = self._margin(levels, position)
        depth = 0
        start = position + 1 if self._resumed == position and tokens[position].kind != "$END" else position
        for ahead in range(start, len(tokens)):
            token = tokens[ahead]
            if depth <= 0 or token.kind == "$END" or (token.kind in _TOP and self.begins_statement(ahead)):
                aligned = depth <= 0 and token.fresh and token.column == margin
                level = self._level(levels, ahead, aligned)
                line = token.kind == "NAME" or self._statement_word(ahead)
                if level is None and aligned and ahead > position and line:
                    level = self._list_level(levels)
                if level is not None:
                    self._resumed = ahead
                    self._give_up(level, ahead)
                    return ahead
            depth = max(0, depth + _BRACES.get(token.kind, 0))
        raise AssertionError("the end of the file is taken everywhere")

    def _list_level(self, levels: list[int]) -> int | None:
        """The innermost level that is a list of statements."""
        states = self._stack.states
        return next((level for level in levels if self._stack.lists(states[:level] if level else states)), None)

    def _margin(self, levels: list[int], position: int) -> int | None:
        """The column in which the faulty statement begins, if it begins its line: where the next one will begin too."""
        level = self._list_level(levels)
        if level is None:
            return None
        stack = self._stack
        broken = stack.after("BROKEN", stack.states[:level] if level else stack.states)
        assert broken is not None  # the level is one for that reason
        above = len(broken) - 2
        first = self._tokens[stack.firsts[above] if above < len(stack.firsts) else position]
        return first.column if first.fresh else None

    def _level(self, levels: list[int], position: int, aligned: bool) -> int | None:
        """The innermost level that goes on with this token, if the layout makes it look like a beginning or an end."""
        stack, token = self._stack, self._tokens[position]
        begins = self.begins_statement(position) or self._begins_instance(position) or self._begins_in_line(position)
        begins = begins or (aligned and self._statement_word(position))
        for level in levels:
            states = stack.states if level == 0 else stack.states[:level]
            broken = stack.after("BROKEN", states)
            if broken is None:
                continue
            inside = [bracket for bracket in stack.brackets if bracket.depth < len(states)]
            if inside and inside[-1].lines:
                if token.fresh and stack.fits("NEWLINE", broken):
                    return level
                plausible = token.kind in {"SEMICOLON", "RBRACE"}
            else:
                plausible = begins or token.kind in {"LBRACE", "RBRACE", "$END"}
            if token.kind == "LBRACE" and level == 0:
                continue
            if plausible and stack.fits(token.kind, broken):
                return level
            if plausible and begins and self._begins_instance(position) and stack.fits("NAME", broken):
                return level
            out = token.kind == "$END" or (token.kind in _TOP and begins)
            if out and inside and stack.fits("RBRACE", broken):
                return level
        return None

    def _give_up(self, level: int, position: int) -> None:
        """Put BROKEN in place of everything above a level (0: nothing of it) and of the tokens up to a position."""
        stack, tokens = self._stack, self._tokens
        first = None if level == 0 else stack.cut(level)
        if level == 0:
            first = self._builder.last + 1
        if first is None:
            first = self._builder.last + 1
        first = min(first, position)
        if first == position and level and not self._skipped(position) and self._list_level([level]) is not None:
            return
        stretch = tokens[first : min(position, first + _MOST_WORDS)]
        keyword = stretch[0] if stretch else tokens[position]
        words = frozenset(token.text for token in stretch if token.kind == "NAME" or token.kind in self._table.keywords)
        last = max(position - 1, first) if stretch else position
        span = self._builder.between(first, last)
        kind = keyword.text if keyword.kind in self._table.keywords and stretch else ""
        self._feed("BROKEN", Broken(kind, words, span), first)
        if stretch:
            self._builder.last = position - 1

    def _skipped(self, position: int) -> bool:
        return self._builder.last + 1 < position

    def _feed(self, terminal: str, value: Token | Broken, position: int) -> None:
        """Shift a terminal that fits, after the reductions it calls for."""
        table, stack, builder = self._table, self._stack, self._builder
        while True:
            target = table.actions[stack.states[-1]][terminal]
            if target >= 0:
                stack.states.append(target)
                stack.values.append(value)
                stack.firsts.append(position)
                return
            rule = -1 - target
            length = table.lengths[rule]
            make = table.builders[rule]
            first = stack.firsts[-length] if length else position
            if make is not None:
                taken = stack.values[-length:] if length else []
                builder.first = first
                made = make(builder, taken)
            else:
                made = stack.values[-1]
            if length:
                del stack.values[-length:], stack.firsts[-length:], stack.states[-length:]
            stack.values.append(made)
            stack.firsts.append(first)
            stack.states.append(table.gotos[stack.states[-1]][table.origins[rule]])
