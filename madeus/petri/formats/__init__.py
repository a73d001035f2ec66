"""Files that other tools read: PNML (which is read too), LoLA, TINA, TAPAAL, DOT, JSON."""

from madeus.petri.formats.dot import to_dot
from madeus.petri.formats.lola import to_lola
from madeus.petri.formats.pnml_read import PnmlError, from_pnml
from madeus.petri.formats.pnml_write import to_pnml
from madeus.petri.formats.table import to_json
from madeus.petri.formats.tapaal import to_tapaal, untimed_because
from madeus.petri.formats.tina import to_tina

__all__ = [
    "PnmlError",
    "from_pnml",
    "to_dot",
    "to_json",
    "to_lola",
    "to_pnml",
    "to_tapaal",
    "to_tina",
    "untimed_because",
]
