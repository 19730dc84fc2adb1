"""A plan's namespaces and processes, held until exit."""
