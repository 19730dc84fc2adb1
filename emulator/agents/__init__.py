"""Agents as their projects ship them: built from pinned sources into the user's cache, or the user's own programs."""
