"""The side that runs the network: it does the task, answers requests, and is the shell."""
