"""Madeus: design, prove, run and take back the deployment of a distributed system, from one model.

>>> import madeus
>>> design = madeus.load("examples/openstack.madeus")
>>> round(design.simulate(durations="max").trace.makespan, 1)
143.2
"""

from madeus.api import Design, LoadError, SelectionError, load
from madeus.semantics import Simulation, Trace

__all__ = ["Design", "LoadError", "SelectionError", "Simulation", "Trace", "load"]
