"""Roles, versions, layers and states of machines as values, and what each operation does to them; no input or output."""
