"""The built kernel has what Docker, the overlays and the tools of the pages need."""

from __future__ import annotations

import shutil

import pytest

from emulator.kernel.guest import Boot
from tests.emulator.kernel.guests import shell


def runs(boot: Boot, script: str) -> None:
    """Pass if each line of a script succeeds."""
    assert shell(boot, f"set -e\n{script}") == (0, "", "")


def test_tc_shapes_filters_and_redirects(boot: Boot) -> None:
    runs(
        boot,
        """
        ip link add d0 type dummy ; ip link set d0 up ; ip link set ifb0 up
        for kind in 'netem delay 5ms loss gemodel 1% 10% 70% 0.1%' 'tbf rate 1mbit burst 10k latency 1ms' hfsc prio \\
            sfq 'red limit 400k min 30k max 90k avpkt 1000 bandwidth 1gbit' fq codel fq_codel pie cake pfifo htb
        do tc qdisc replace dev d0 root $kind ; done
        tc qdisc replace dev d0 root handle 1: htb ; tc class add dev d0 parent 1: classid 1:1 htb rate 1mbit
        tc filter add dev d0 parent 1: u32 match ip dst 10.0.0.1 flowid 1:1
        tc filter add dev d0 parent 1: prio 2 handle 5 fw classid 1:1
        tc filter add dev d0 parent 1: prio 3 handle 1: cgroup
        tc qdisc add dev d0 clsact
        tc filter add dev d0 ingress protocol ip flower ip_proto tcp dst_port 80 action drop
        tc filter add dev d0 ingress prio 9 matchall action mirred egress redirect dev ifb0
        tc filter add dev d0 egress matchall action police rate 1mbit burst 10k conform-exceed drop
        tc filter add dev d0 egress prio 2 matchall action skbedit mark 5
        """,
    )


def test_tunnels_and_what_encrypts_them(boot: Boot) -> None:
    runs(
        boot,
        """
        ip link add vxlan-6784 mtu 65485 type vxlan external dstport 6784 nolearning
        ip link add geneve0 type geneve external
        ip link add d0 type dummy ; ip link add iv0 link d0 type ipvlan mode l3s
        ip link add tunl9 type ipip local 10.0.0.2 remote any
        key="aead rfc4106(gcm(aes)) 0x000102030405060708090a0b0c0d0e0f10111213 128"
        ip xfrm state add src 10.0.0.1 dst 10.0.0.2 proto esp spi 0x100 reqid 1 mode transport $key
        ip -6 xfrm state add src fd00::1 dst fd00::2 proto esp spi 0x100 mode transport $key
        ip xfrm policy add dir out src 10.0.0.1 dst 10.0.0.2 proto udp mark 0x20000 mask 0x20000 \\
            tmpl src 10.0.0.1 dst 10.0.0.2 proto esp spi 0x100 mode transport
        ip rule add fwmark 0x20000 table 100 ; ip -6 rule add fwmark 0x20000 table 100
        ip route add blackhole 10.244.0.0/26 proto 80
        """,
    )


@pytest.mark.parametrize("flavour", ["legacy", "nft"])
def test_iptables_as_docker_swarm_flannel_calico_and_weave_use_it(boot: Boot, flavour: str) -> None:
    if shutil.which(f"iptables-{flavour}", path="/usr/sbin:/sbin:/usr/bin:/bin") is None:
        pytest.skip(f"iptables-{flavour} is missing")
    runs(
        boot,
        f"""
        PATH=$PATH:/usr/sbin:/sbin
        for family in iptables ip6tables ; do
          t="$family-{flavour} -w"
          $t -N DOCKER ; $t -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
          $t -A FORWARD -i a -o b -p tcp --dport 80 -j DOCKER
          $t -A FORWARD -m physdev --physdev-is-bridged -m comment --comment weave -j ACCEPT
          $t -A FORWARD -p tcp -m multiport --dports 80,443 -m mark --mark 0x1/0xff -j MARK --set-xmark 0x10000/0x10000
          $t -A FORWARD -m limit --limit 5/s -m statistic --mode nth --every 2 --packet 0 -j LOG --log-prefix x
          $t -A FORWARD -m state --state NEW -j NFLOG --nflog-group 86
          $t -A INPUT -m policy --dir in --pol ipsec -j ACCEPT
          $t -A INPUT -p udp --dport 4789 -m bpf --bytecode '1,6 0 0 65535' -j DROP
          $t -A OUTPUT -m owner --uid-owner 0 -j ACCEPT
          $t -A INPUT -p tcp -j REJECT --reject-with tcp-reset
          $t -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
          $t -t mangle -A PREROUTING -j CONNMARK --restore-mark
          $t -t raw -A PREROUTING -m rpfilter --invert -j DROP
          $t -t raw -A PREROUTING -p udp --dport 4789 -j CT --notrack
          $t -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j RETURN
          $t -t nat -A POSTROUTING ! -o docker0 -j MASQUERADE
          $t -t nat -A OUTPUT -p tcp --dport 53 -j REDIRECT --to-ports 5353
          $t -t nat -A POSTROUTING -m ipvs --ipvs -j RETURN
        done
        iptables-{flavour} -w -t nat -A OUTPUT -p udp -d 127.0.0.11 --dport 53 -j DNAT --to-destination 127.0.0.11:4000
        iptables-{flavour} -w -t mangle -A OUTPUT -m u32 --u32 '0>>22&0x3C@12&0xFFFFFF00=0x100' -j MARK --set-mark 3
        iptables-{flavour} -w -A FORWARD -m hashlimit --hashlimit-upto 1/s --hashlimit-name x -j ACCEPT
        """,
    )


def test_the_service_addresses_of_a_swarm(boot: Boot) -> None:
    runs(boot, "grep -q 'IP Virtual Server' /proc/net/ip_vs ; test -e /proc/sys/net/ipv4/vs/conntrack")


def test_a_datapath_of_open_vswitch(boot: Boot) -> None:
    if shutil.which("ovs-dpctl") is None:
        pytest.skip("ovs-dpctl is missing: apt-get install openvswitch-switch")
    runs(
        boot,
        """
        ip link add d0 type dummy ; ip link add vxlan-6784 type vxlan external dstport 6784
        ovs-dpctl -voff add-dp datapath ; ovs-dpctl -voff add-if datapath d0 vxlan-6784
        ovs-dpctl -voff add-flow datapath 'in_port(1),eth(),eth_type(0x0800),ipv4(frag=no)' \\
            'ct(commit,zone=1,mark=1),set(tunnel(tun_id=1,src=10.0.0.1,dst=10.0.0.2,ttl=64,flags(df|key))),2'
        ovs-dpctl -voff add-flow datapath 'in_port(1),eth(),eth_type(0x0806),arp()' 2
        """,
    )


def test_control_groups_of_version_1_for_a_share_of_the_processor(boot: Boot) -> None:
    runs(
        boot,
        """
        for controller in cpu cpuacct cpuset memory devices freezer pids net_cls net_prio
        do mkdir /sys/fs/cgroup/$controller/h1 ; done
        echo 100000 > /sys/fs/cgroup/cpu/h1/cpu.cfs_period_us ; echo 10000 > /sys/fs/cgroup/cpu/h1/cpu.cfs_quota_us
        echo 0 > /sys/fs/cgroup/cpuset/h1/cpuset.mems ; echo 0 > /sys/fs/cgroup/cpuset/h1/cpuset.cpus
        for controller in cpu cpuacct cpuset ; do echo $$ > /sys/fs/cgroup/$controller/h1/tasks ; done
        """,
    )


def test_waiting_is_in_steps_of_a_millisecond(boot: Boot) -> None:
    program = (
        "import socket, struct, time\n"
        "waits = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "waits.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack('ll', 0, 3000))\n"
        "began = time.monotonic()\n"
        "for _ in range(100):\n"
        "    try: waits.recv(1)\n"
        "    except BlockingIOError: pass\n"
        "print((time.monotonic() - began) * 10)"
    )
    status, out, err = shell(boot, f'python3 -c "{program}"; ping -q -c 101 -i 0.002 127.0.0.1 | grep -o "time [0-9]*"')
    assert (status, err) == (0, "")
    waited_ms, pings = out.splitlines()
    assert 3 <= float(waited_ms) <= 5  # of 3 ms: the tick that runs already, and those that are asked for
    assert 200 <= int(pings.split()[1]) <= 210
