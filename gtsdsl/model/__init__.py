"""The model: what a testbed is once every loop, variable and parameter is gone."""
