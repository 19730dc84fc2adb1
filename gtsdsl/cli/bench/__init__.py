"""`gtsdsl bench`: measure overlays, and show and compare what was measured."""
