"""What a testbed is as a network: wires, addresses, names, routes, impairments."""
