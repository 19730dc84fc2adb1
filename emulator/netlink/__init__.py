"""Netlink messages by which the kernel is changed and read: a file for each facility, no process started."""
