"""A testbed as a network: nodes and wires, addresses, names, impairments and routes."""
