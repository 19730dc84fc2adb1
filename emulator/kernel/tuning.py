"""What a guest is given beyond Linux's defaults: kernel parameters, and the limits of its processes."""

from __future__ import annotations

import resource
from collections.abc import Mapping

_BUFFER_BYTES = 2**25
"""Of a socket, at most: 32 MB are a window for 1 Gbit/s over 250 ms."""

SYSCTLS: Mapping[str, str] = {
    # their defaults follow the guest's memory, and the throughput over a long path follows them; tcp_mem and udp_mem
    # are in pages
    "net.ipv4.tcp_rmem": f"4096 131072 {_BUFFER_BYTES}",
    "net.ipv4.tcp_wmem": f"4096 65536 {_BUFFER_BYTES}",
    "net.ipv4.tcp_mem": "32768 65536 98304",
    "net.ipv4.udp_mem": "32768 65536 98304",
    # how much a program may ask for (SO_RCVBUF, `iperf -w`)
    "net.core.rmem_max": str(_BUFFER_BYTES),
    "net.core.wmem_max": str(_BUFFER_BYTES),
    # what it has without asking: Linux's 208 KB hold 92 full datagrams, fewer than come while a process is served
    "net.core.rmem_default": str(2**23),
    # packets between two interfaces: more than a queue hands over at once
    "net.core.netdev_max_backlog": "65536",
    # one table holds the neighbours of all namespaces: by default 1,024, which 33 hosts on one switch have; when it is
    # full, hosts do not reach each other. From thresh1 on the kernel removes those that it no longer uses
    "net.ipv4.neigh.default.gc_thresh1": "131072",
    "net.ipv4.neigh.default.gc_thresh2": "262144",
    "net.ipv4.neigh.default.gc_thresh3": "524288",
    # one table holds the connections of all namespaces; when it is full, packets of new ones are dropped
    "net.netfilter.nf_conntrack_max": "262144",
    # no tunl0, gre0, sit0 and six more in each new namespace; whoever needs them there (Calico) writes 0 before
    "net.core.fb_tunnels_only_for_init_net": "1",
    # the files of all processes together, as systemd has them
    "fs.file-max": str(2**63 - 1),
    "fs.inotify.max_user_instances": "8192",
}
"""Kernel parameters, by name. One that a guest's kernel does not have is passed over."""

_OPEN_FILES_LEAST = 2**16
_OPEN_FILES_MOST = 2**20  # as Linux's fs.nr_open has it

Limits = Mapping[int, tuple[int, int]]
"""By the number of a limit (`resource.RLIMIT_NOFILE`), the soft and the hard one; -1 for none."""


def limits() -> Limits:
    """The limits that the processes of a guest begin with, which are this process's where a program may depend on them.

    Open files and the stack are this process's, but at least 65,536 files can be open. What locks memory and how many
    processes there are is bounded by the guest's memory alone.
    """
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        files = _OPEN_FILES_MOST
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    return {
        resource.RLIMIT_NOFILE: (min(max(files, _OPEN_FILES_LEAST), _OPEN_FILES_MOST), _OPEN_FILES_MOST),
        resource.RLIMIT_STACK: resource.getrlimit(resource.RLIMIT_STACK),
        resource.RLIMIT_CORE: resource.getrlimit(resource.RLIMIT_CORE),
        resource.RLIMIT_MEMLOCK: unlimited,
        resource.RLIMIT_NPROC: unlimited,
    }
