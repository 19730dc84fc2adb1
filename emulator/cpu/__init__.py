"""The cost of packets on a host's processors: cost tables, and the formulas of the queues that they make."""
