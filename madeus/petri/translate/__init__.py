"""Translation of assemblies and programs into nets: ``translate(system) -> Translation``, and the map back."""

from madeus.petri.translate.decode import Translation
from madeus.petri.translate.sketch import TranslationError
from madeus.petri.translate.whole import translate

__all__ = ["Translation", "TranslationError", "translate"]
