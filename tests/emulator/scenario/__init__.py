"""Tests of scenarios, and the time that an event in the virtual clock may be late."""

LATE_NS = 2_000
"""An event reads the clock some times, and each reading takes 256 ns (docs/scenarios.md)."""
