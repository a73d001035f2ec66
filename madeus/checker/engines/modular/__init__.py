"""Few shared components and many beside them: what each of the many may be in, not what all of them are in together."""

from madeus.checker.engines.modular.engine import Modular

__all__ = ["Modular"]
