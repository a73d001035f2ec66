"""Live assemblies: what was deployed stays known, and is changed while it runs."""
