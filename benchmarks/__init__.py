"""Figures of speed, each beside a stock use of the same machine in the same run."""
