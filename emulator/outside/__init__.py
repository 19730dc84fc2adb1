"""The side that asks for a run: it starts a process or a guest, passes its output on, and keeps its result."""
