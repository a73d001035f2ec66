"""Fleets: fingerprints, clusters of machines, stages of a rollout and their simulation as values; no input or output."""
