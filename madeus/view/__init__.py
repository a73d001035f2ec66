"""Showing models, traces and runs: drawings, timelines, the page of a trace.

Its parts are imported by name (`madeus.view.page`, `madeus.view.gantt`...); a timeline does not load what drawing needs:
dot (assemblies as DOT), page (a trace as HTML), gantt (text for a terminal), chrome (for Perfetto), document (trace files),
timeline (`Detail`, `ActionDetail`: what an execution did).
"""
