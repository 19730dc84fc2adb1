"""Run a testbed as a real network on this machine."""
