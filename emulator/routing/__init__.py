"""Routing protocols: BIRD on each host of a lab."""
