"""Benchmarks: figures of speed, each beside that of a stock program on the same machine in the same run."""
