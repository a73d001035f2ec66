"""petri."""
