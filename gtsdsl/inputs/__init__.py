"""Readers of input formats: files, JSON, GTS JSON, projects of the public editor, networkx graphs."""
