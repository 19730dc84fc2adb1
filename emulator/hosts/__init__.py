"""What a host is: a network namespace with a shell that starts when it is first asked for."""
