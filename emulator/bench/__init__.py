"""Benchmarks: the matrix of cells, the workers that run them, their results, and the tables and comparisons."""
