"""Where something stands in a source text."""

from __future__ import annotations

from typing import NamedTuple


class Span(NamedTuple):
    """A half-open stretch of one file's text.

    Lines and columns count from 1 and columns count code points (not bytes, not screen cells); offsets count code points
    from 0 in the text after line ends were made `\\n` and a leading byte order mark was dropped. The end is exclusive.
    A named tuple and not a dataclass: a large file makes hundreds of thousands of them.
    """

    file: str
    """The file's name as the user gave it; `<stdin>` or another name in angle brackets for text without a file."""
    start_line: int
    start_column: int
    end_line: int
    end_column: int
    start: int
    end: int

    def to(self, other: Span) -> Span:
        """The stretch from the start of this span to the end of `other`, in the same file."""
        return Span(
            self.file, self.start_line, self.start_column, other.end_line, other.end_column, self.start, other.end
        )

    @property
    def place(self) -> str:
        """`file:line:column` of the start, as compilers write it."""
        return f"{self.file}:{self.start_line}:{self.start_column}"
