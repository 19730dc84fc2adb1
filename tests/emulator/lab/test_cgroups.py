"""A host's part of the processors, on each guest kernel, without cgroup-tools."""

from __future__ import annotations

from pathlib import Path

from tests.emulator.samples import Cli

_SCRIPT = """
from pathlib import Path

def limit(host):
    (group,) = Path("/sys/fs/cgroup/cpu").glob(f"gtsdsl-*/{host.name}")
    look = "cat /proc/self/cgroup"
    seen = host.cmd(look), host.popen(look).communicate()[0].decode()
    name = f"cpu:/{group.parent.name}/{host.name}"
    return (group / "cpu.cfs_quota_us").read_text().strip(), *(name in it for it in seen)

h1 = net["h1"]
h1.cmd("true")
h1.setCPUFrac(0.25)
print(*limit(h1))
h1.setCPUFrac(-1)
print(*limit(h1))
print(*limit(net.addHost("h9", cpu=0.5)))
"""


def test_a_hosts_part_of_the_processors(emulate: Cli, tmp_path: Path) -> None:
    (tmp_path / "limits.py").write_text(_SCRIPT)
    done = emulate("--script", str(tmp_path / "limits.py"))
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["25000 True True", "-1 True True", "50000 True True"]
