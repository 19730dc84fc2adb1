"""Mininet's API over a lab: a script written for Mininet runs unchanged."""
