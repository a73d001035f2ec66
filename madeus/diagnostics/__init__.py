"""Spans, codes, diagnostics and their rendering; knows nothing of the rest of the house.

The renderer (`madeus.diagnostics.render`) is not imported here: it needs rich, which takes a while to load.
"""

from madeus.diagnostics.codes import CODES, page
from madeus.diagnostics.diagnostic import Diagnostic, Edit, Fix, Severity, error, in_order, warning
from madeus.diagnostics.page import Page
from madeus.diagnostics.span import Span
from madeus.diagnostics.suggest import nearest

__all__ = [
    "CODES",
    "Diagnostic",
    "Edit",
    "Fix",
    "Page",
    "Severity",
    "Span",
    "error",
    "in_order",
    "nearest",
    "page",
    "warning",
]
