"""A guest's kernel parameters and process limits, where they differ from Linux's defaults."""

from __future__ import annotations

import resource
from collections.abc import Mapping

_BUFFER_BYTES = 2**25
"""The largest buffer of a socket: 32 MB are a TCP window for 1 Gbit/s over 250 ms."""

SYSCTLS: Mapping[str, str] = {
    # fixed, because the defaults depend on the guest's memory and decide the throughput of a long path; tcp_mem and
    # udp_mem count pages
    "net.ipv4.tcp_rmem": f"4096 131072 {_BUFFER_BYTES}",
    "net.ipv4.tcp_wmem": f"4096 65536 {_BUFFER_BYTES}",
    "net.ipv4.tcp_mem": "32768 65536 98304",
    "net.ipv4.udp_mem": "32768 65536 98304",
    # the most that a program may ask for (SO_RCVBUF, `iperf -w`)
    "net.core.rmem_max": str(_BUFFER_BYTES),
    "net.core.wmem_max": str(_BUFFER_BYTES),
    # the default of a program: Linux's 208 KB hold 92 full datagrams, fewer than arrive before a process reads them
    "net.core.rmem_default": str(2**23),
    # packets between two interfaces: more than a queue sends at once
    "net.core.netdev_max_backlog": "65536",
    # one table holds the neighbours of all namespaces: 1,024 by default, which 33 hosts on one switch fill. With a full
    # table, hosts do not reach each other. Above thresh1, the kernel removes entries that it no longer uses
    "net.ipv4.neigh.default.gc_thresh1": "131072",
    "net.ipv4.neigh.default.gc_thresh2": "262144",
    "net.ipv4.neigh.default.gc_thresh3": "524288",
    # one table holds the connections of all namespaces; with a full table, packets of new connections are dropped
    "net.netfilter.nf_conntrack_max": "262144",
    # the kernel's log has the packets of all namespaces that a rule logs; Linux's default is the first namespace only
    "net.netfilter.nf_log_all_netns": "1",
    # no tunl0, gre0, sit0 and six more in each new namespace; a program that needs them (Calico) first sets this to 0
    "net.core.fb_tunnels_only_for_init_net": "1",
    # the open files of all processes together, as systemd sets them
    "fs.file-max": str(2**63 - 1),
    "fs.inotify.max_user_instances": "8192",
}
"""Kernel parameters by name; the guest ignores one that its kernel lacks."""

_OPEN_FILES_LEAST = 2**16
_OPEN_FILES_MOST = 2**20  # Linux's fs.nr_open

Limits = Mapping[int, tuple[int, int]]
"""The soft and the hard limit by the number of the limit (`resource.RLIMIT_NOFILE`); -1 is unlimited."""


def limits() -> Limits:
    """Return the limits of a guest's processes: this process's own, where programs depend on them.

    Open files and the stack have this process's limits, but at least 65,536 files can be open. Locked memory and the
    number of processes are limited by the guest's memory only.
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
