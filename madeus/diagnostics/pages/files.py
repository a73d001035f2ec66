"""MAD001 to MAD009: a file that cannot be taken as text at all."""

from __future__ import annotations

from madeus.diagnostics.page import Page

PAGES = (
    Page(
        code="MAD001",
        title="a file cannot be read or written",
        text="""
The file does not exist, is a directory, or may not be read (by `madeus fmt`: written) by this user. An import is looked up
beside the file that writes it, not in the directory the command runs in.
""",
        wrong='import "no-such-file.madeus"\n',
        mended="/// Nothing is imported.\ncomponent Idle {\n  initial place waiting\n}\n",
    ),
    Page(
        code="MAD002",
        title="a file is not UTF-8",
        text="""
Model files are UTF-8 text, with or without a byte order mark. The message gives the offset of the first byte that is not;
save the file as UTF-8, or convert it: `iconv -f latin1 -t utf-8 old.madeus > new.madeus`.
""",
        wrong="// caf\udce9\ncomponent Idle {\n  initial place waiting\n}\n",
        mended="// café\ncomponent Idle {\n  initial place waiting\n}\n",
    ),
)
