"""Madeus: design, prove, run and take back deployments."""
