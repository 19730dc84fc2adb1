"""Round trips and packets, measured by sockets in namespaces."""
