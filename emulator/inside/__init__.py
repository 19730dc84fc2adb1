"""The process that runs the network: it does the task, answers requests, and has the shell."""
