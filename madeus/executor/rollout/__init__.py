"""Rollouts on real machines: each machine's slice of a program is a run of its own on the live assembly, stage after stage.

What is decided is in tables of the journal before it is done, so a rollout is gone on with after anything.
"""
