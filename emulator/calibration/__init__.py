"""Calibration: what each stage of a packet's way costs on this machine's own kernel, as a cost table."""
