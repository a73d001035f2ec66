"""Text to model: the language of `.madeus` files.

`load` is the door: it reads a file and its imports and gives the model, the source map and everything that is wrong.
"""

from madeus.dsl.load import Loaded, load
from madeus.dsl.source_map import SourceMap

__all__ = ["Loaded", "SourceMap", "load"]
