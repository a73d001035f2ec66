"""The page that explains one diagnostic code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """What a code means and how such a fault is mended."""

    code: str
    """`MAD` and three digits."""
    title: str
    """A few words, no full stop."""
    text: str
    """Paragraphs in plain Markdown: when it comes, why it matters, what to do."""
    wrong: str
    """A whole file that gives this diagnostic. Bytes that are not UTF-8 stand as lone surrogates (`surrogateescape`)."""
    mended: str
    """The same file without a fault: it gives no diagnostic at all."""
    beside: tuple[tuple[str, str], ...] = ()
    """Further files in its directory, as (name, text) pairs; the example itself is called `example.madeus`."""
    by_checker: bool = False
    """Whether `madeus check` finds it by asking what can happen; then loading the wrong example finds nothing."""
    settings: tuple[tuple[str, str], ...] = ()
    """Settings that the wrong file is loaded with, as (name, value) pairs; the mended one is loaded without any."""

    def markdown(self) -> str:
        """The page as Markdown, the way `madeus explain` and the manual show it."""
        wrong = self.wrong.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").replace("\0", "\\0")
        settings = "".join(f" (with the setting `{name}={value}`)" for name, value in self.settings)
        beside = "".join(f"Beside it, `{name}`:\n\n```\n{text.rstrip()}\n```\n\n" for name, text in self.beside)
        return (
            f"# {self.code}: {self.title}\n\n{self.text.strip()}\n\n"
            f"Wrong{settings}:\n\n```madeus\n{wrong.rstrip()}\n```\n\n{beside}"
            f"Mended:\n\n```madeus\n{self.mended.rstrip()}\n```\n"
        )
