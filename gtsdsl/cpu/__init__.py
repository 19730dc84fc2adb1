"""What packets cost on a host's processors: cost tables, and the formulas of the queues that they make."""
