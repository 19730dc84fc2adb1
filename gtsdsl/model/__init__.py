"""A testbed as values, with each loop, variable and parameter resolved."""
