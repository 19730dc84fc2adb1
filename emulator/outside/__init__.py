"""Where a run is asked for: start the process or the guest, pass its output on, keep its result."""
