"""Measurements of round trips and packets, by sockets in namespaces."""
