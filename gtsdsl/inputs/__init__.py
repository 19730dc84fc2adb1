"""Read a testbed, whatever the format of its file."""
