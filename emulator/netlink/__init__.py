"""What is wanted of the kernel to the netlink messages that ask it: a file a facility, no process ever started."""
