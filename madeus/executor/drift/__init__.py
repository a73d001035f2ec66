"""Drift: whether the hosts still are as the stored marking of a live assembly says, and where its components really are."""
