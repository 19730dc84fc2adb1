"""The user's process: it starts a guest or a process for a task, passes its output on, and keeps its result."""
