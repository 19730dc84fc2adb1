"""Calico's network policy: a file of resources to values, chains of rules for each host, and a packet filter's text."""
