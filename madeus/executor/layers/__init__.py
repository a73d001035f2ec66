"""Layers on hosts: the catalog in the state store, operations step by step in a journal, calls of the host agent."""
