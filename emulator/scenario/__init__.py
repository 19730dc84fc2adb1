"""A scenario as it happens: a thread that does each event at its time of the network's clock."""
