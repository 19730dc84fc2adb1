"""Benchmarks: the matrix of cells, the workers that run them, their results, and what is made of these."""
