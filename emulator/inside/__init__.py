"""Where the network runs: do the task, answer requests, be the shell."""
