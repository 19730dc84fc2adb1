"""Tools that measure, built from pinned sources into the user's cache where this machine has none."""
