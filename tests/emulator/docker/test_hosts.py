"""Docker hosts, of the images that their imageIds map to, and flavors as limits."""

from __future__ import annotations

import io
import json
import re
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from emulator import emulate
from emulator.bench.room import available_bytes
from emulator.docker.hosts import docker_hosts_of
from emulator.flavors import Flavor, flavor
from emulator.lab import cgroups as limits
from emulator.lab.containers import Container
from emulator.options import HostOptions
from emulator.overlays.deployment import require
from emulator.overlays.model import OverlaySpec
from emulator.plan import Options, plan
from emulator.system.errors import EmulationError, OptionError
from gtsdsl import loads
from tests.emulator import guest_scenarios
from tests.emulator.docker.archives import save
from tests.emulator.play import script_of
from tests.emulator.samples import Cli

TOPOLOGY = """Lab {
  host { id = "h1"; imageId = "Ubuntu-14.04.qcow2"; flavorId = "c1r1h20"; port { id = "p" } }
  host { id = "h2"; imageId = "Ubuntu-14.04.qcow2"; flavorId = "c2r2h20"; port { id = "p" } }
  link { id = "l1"; delay = "5ms"; port { id = "src" }; port { id = "dst" } }
  adjacency h1.p, l1.src
  adjacency h2.p, l1.dst
}
"""
CAP_NET_ADMIN, CAP_SYS_ADMIN = 12, 21
# a variable that takes 1.3 GB, in a shell that is not the one of the test
TOO_MUCH = "dd if=/dev/zero of=/dev/null bs=1300M count=1 2>/dev/null; echo status $?"
TOO_MUCH_NEEDS_BYTES = 1300 * 2**20 + 2**29
NO_LIMIT_OF_PROCESSORS = (
    "warning: in a virtual clock computing takes no time, so flavors limit memory and no processors\n"
)


@pytest.fixture
def room_for_too_much() -> None:
    """The memory that `TOO_MUCH` and a guest take. The test is skipped where less is available."""
    found_bytes = available_bytes()
    if found_bytes < TOO_MUCH_NEEDS_BYTES:
        needs = f"needs {TOO_MUCH_NEEDS_BYTES // 2**20} MB of available memory"
        pytest.skip(f"{needs}, and this machine has {found_bytes // 2**20} MB")


@pytest.fixture
def lab(tmp_path: Path) -> str:
    path = tmp_path / "lab.dsl"
    path.write_text(TOPOLOGY)
    return str(path)


@pytest.mark.usefixtures("guest_kernel", "room_for_too_much")
def test_a_host_is_a_container_of_its_image_with_the_circuits_of_its_host(
    gtsdsl: Cli, lab: str, tmp_path: Path
) -> None:
    image = save(tmp_path / "debian.tar")
    inside = "echo $ROLE; hostname; cat /proc/1/comm; ls /home; ping -qc 2 h2 | tail -1"
    done = gtsdsl(
        "emulate", lab, "--hosts", "docker", "--image-map", f"Ubuntu-14.04.qcow2={image}", "--flavors",
        "--probe", "--json", "out.json", "--keep-going",
        "--exec", f"h1: {inside}", "--exec", f"h1: {TOO_MUCH}", "--exec", f"h2: {TOO_MUCH}",
    )  # fmt: skip
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[:3] == ["router", "h1", "sh"]
    match = re.match(r"rtt min/avg/max/mdev = ([\d.]+)/", lines[3])
    assert match is not None
    assert 10 <= float(match[1]) < 10.05  # a daemon beside the ping may add microseconds
    # 1 GB is the most that h1 may have, 2 GB that h2 may
    assert lines[4:6] == ["status 137", "status 0"]
    assert done.stderr.startswith(NO_LIMIT_OF_PROCESSORS)
    assert "No such file" in done.stderr  # this machine has a /home, the container has none
    result = json.loads((tmp_path / "work" / "out.json").read_text())
    (circuit,) = result["probe"]
    assert abs(circuit["error_us"]) < 5


@pytest.mark.usefixtures("guest_kernel")
def test_a_program_has_them_too(lab: str, tmp_path: Path) -> None:
    image = save(tmp_path / "debian.tar")
    with emulate(lab, hosts=HostOptions(kind="docker", image_map={"Ubuntu-14.04.qcow2": str(image)})) as network:
        assert network["h2"].cmd("echo $ROLE; hostname").split() == ["router", "h2"]


@pytest.mark.usefixtures("guest_kernel")
def test_a_command_is_confined_as_by_docker_exec_and_may_change_its_own_network(lab: str, tmp_path: Path) -> None:
    image = save(tmp_path / "debian.tar")
    with emulate(lab, hosts=HostOptions(kind="docker", image_map={"Ubuntu-14.04.qcow2": str(image)})) as network:
        status = dict(
            line.split(":\t") for line in network["h1"].cmd("cat /proc/self/status").splitlines() if ":" in line
        )
        for kind in ("CapEff", "CapBnd"):
            rights = int(status[kind], 16)
            assert not rights & 1 << CAP_SYS_ADMIN
            assert rights & 1 << CAP_NET_ADMIN
        assert status["Seccomp"] == "2"
        assert network["h1"].cmd("ip link add new type dummy && ip link show new up; echo $?").strip() == "0"
        group = network["h1"].cmd("grep :devices: /proc/self/cgroup").strip()
        assert group == network["h1"].cmd("grep :devices: /proc/1/cgroup").strip()
        assert group.partition(":devices:")[2] not in {"", "/"}  # the number before it is another on each kernel


# with these, every program that loads libraries writes a file
TELLTALE = ["LD_DEBUG=statistics", "LD_DEBUG_OUTPUT=/tmp/telltale"]


@pytest.mark.usefixtures("guest_kernel")
def test_an_images_variables_are_for_what_runs_in_it_only(gtsdsl: Cli, lab: str, tmp_path: Path) -> None:
    image = save(tmp_path / "image.tar", variables=TELLTALE)
    script = script_of(guest_scenarios.look_for_an_images_variables, tmp_path)
    options = ["--image-map", f"Ubuntu-14.04.qcow2={image}", "--script", str(script)]
    done = gtsdsl("emulate", lab, "--hosts", "docker", *options)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("guest_kernel")
def test_mininets_ways_to_end_a_command_work_in_a_container(gtsdsl: Cli, lab: str, tmp_path: Path) -> None:
    image = save(tmp_path / "image.tar")
    script = script_of(guest_scenarios.end_commands, tmp_path)
    options = ["--image-map", f"Ubuntu-14.04.qcow2={image}", "--script", str(script)]
    done = gtsdsl("emulate", lab, "--hosts", "docker", *options)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("guest_kernel")
def test_hosts_without_an_image_id_run_the_image_of_the_command_line_or_the_built_in_one(
    gtsdsl: Cli, pair: Path, tmp_path: Path
) -> None:
    image = save(tmp_path / "debian.tar")
    who = "echo $ROLE; hostname"
    commands = ["--exec", f"h1: {who}", "--exec", f"h2: {who}", "--exec", "h2: ping -qc 1 h1 | grep received"]
    done = gtsdsl("emulate", str(pair), "--hosts", "docker", "--image", f"h1={image}", *commands)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "router",
        "h1",
        "",
        "h2",
        "1 packets transmitted, 1 received, 0% packet loss, time 0ms",
    ]


def images_of(options: HostOptions, *image_ids: str | None) -> list[str]:
    """Return the names of the files with the images of h1, h2 and so on, whose ``imageId`` are given."""
    ports = '; port { id = "p" }'
    hosts = "".join(
        f'host {{ id = "h{number}"{f"; imageId = {json.dumps(it)}" if it else ""}{ports} }}\n'
        for number, it in enumerate(image_ids, 1)
    )
    testbed = loads("Lab {\n" + hosts + "}")
    return [Path(it.image).name for it in docker_hosts_of(plan(testbed, Options()), options)]


def test_a_hosts_own_image_comes_before_that_of_its_image_id_and_that_before_the_one_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.tar", "b.tar"):
        save(tmp_path / name)
    docker = HostOptions(kind="docker")
    assert images_of(replace(docker, image="a.tar"), None, "Ubuntu") == ["a.tar", "a.tar"]
    assert images_of(replace(docker, image="a.tar", image_map={"Ubuntu": "b.tar"}), None, "Ubuntu") == [
        "a.tar",
        "b.tar",
    ]
    mapped = replace(docker, image_map={"Ubuntu": "b.tar"})
    assert images_of(replace(mapped, image="h1=a.tar"), "Ubuntu", "Ubuntu") == ["a.tar", "b.tar"]
    first, second = images_of(mapped, "Ubuntu", None)
    assert (first, second[:6]) == ("b.tar", "tools-")
    with pytest.raises(OptionError, match="has no image: add --image-map 'Ubuntu=IMAGE', or --image IM"):
        images_of(replace(docker, image="h1=a.tar"), None, "Ubuntu")


@pytest.mark.parametrize(
    ("arguments", "said", "status"),
    [
        (["--hosts", "docker"], "error: an imageId of the topology has no image: add "
         "--image-map 'Ubuntu-14.04.qcow2=IMAGE', or --image IMAGE for all hosts\n", 2),
        (["--hosts", "docker", "--image", "nothing.tar"], "error: the file nothing.tar is missing\n", 3),
        (["--hosts", "docker", "--image", ""], "error: the name of an image is empty: write a file's name, or", 3),
        (["--hosts", "docker", "--image", "h3=x.tar"],
         "error: --image: the topology has no host h3; the hosts are h1, h2\n", 2),
        (["--hosts", "docker", "--image", "h1=x.tar,h2"],
         "error: --image: `h2` is not HOST=IMAGE, as in h1=debian:12,h3=image.tar\n", 2),
        (["--hosts", "docker", "--image", "a.tar", "--image", "b.tar"],
         "error: --image: it is given 2 times; join the values with commas\n", 2),
        (["--image", "x.tar"],
         "error: --image is for containers: add --hosts docker, or --overlay with --runtime docker\n", 2),
        (["--hosts", "docker", "--image-map", "x"],
         "error: --image-map: `x` is not IMAGEID=IMAGE\n", 2),
        (["--hosts", "docker", "--image-map", "Ubuntu-14.04.qcow2=../lab.dsl"],
         "error: ../lab.dsl is not an archive of `docker save` or `docker export`\n", 3),
        (["--hosts", "docker", "--image-map", "Ubuntu-14.04.qcow2=x.tar", "--image-map", "Debian=y.tar"],
         "error: --image-map names an imageId that no host of the topology has: Debian\n", 2),
        (["--image-map", "Ubuntu-14.04.qcow2=x.tar"],
         "error: --image-map is for hosts that are containers: add --hosts docker\n", 2),
        (["--hosts", "docker", "--overlay", "none", "--image-map", "Ubuntu-14.04.qcow2=x.tar"],
         "error: --hosts docker has no containers in its hosts: omit --overlay, or use --runtime docker\n", 2),
        (["--flavors"], "error: --flavors limits containers, or Docker hosts: add --overlay or --hosts docker\n", 2),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(gtsdsl: Cli, lab: str, arguments: list[str], said: str, status: int) -> None:
    done = gtsdsl("emulate", lab, *arguments, "--exec", "h1: true")
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr


@pytest.mark.usefixtures("guest_kernel")
def test_a_container_whose_command_ends_is_named(gtsdsl: Cli, lab: str, tmp_path: Path) -> None:
    image = save(tmp_path / "ends.tar", ["/bin/true"])
    said = "the command of its image ended, but must keep running"
    arguments = ["--overlay", "none", "--runtime", "docker", "--image", str(image), "--exec", "c1: true"]
    done = gtsdsl("emulate", lab, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"error: container c1: {said}" in done.stderr or f"error: container c2: {said}" in done.stderr


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize(("name", "content"), [("manifest.json", b"[]"), ("manifest.json", b"{"), ("oci/x", b"")])
def test_an_archive_without_an_image_is_told_in_a_line(
    gtsdsl: Cli, lab: str, tmp_path: Path, name: str, content: bytes
) -> None:
    image = tmp_path / "image.tar"
    with tarfile.open(image, "w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    done = gtsdsl(
        "emulate", lab, "--hosts", "docker", "--image-map", f"Ubuntu-14.04.qcow2={image}", "--exec", "h1: true"
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("error: dockerd on all hosts")


@pytest.mark.usefixtures("guest_kernel", "room_for_too_much")
def test_a_container_that_is_processes_is_limited_too(gtsdsl: Cli, lab: str) -> None:
    commands = ["--exec", f"c1: {TOO_MUCH}", "--exec", f"c2: {TOO_MUCH}", "--exec", "c1: ping -qc 1 c2"]
    done = gtsdsl("emulate", lab, "--overlay", "geneve", "--flavors", *commands)
    assert done.returncode == 0
    assert done.stdout.splitlines()[:2] == ["status 137", "status 0"]
    assert "1 received, 0% packet loss" in done.stdout
    assert done.stderr.startswith(NO_LIMIT_OF_PROCESSORS)


@pytest.mark.usefixtures("guest_kernel")
def test_in_the_real_clock_a_flavors_processors_are_what_a_container_gets(gtsdsl: Cli, lab: str) -> None:
    quota = "cat /sys/fs/cgroup/cpu$(grep :cpu: /proc/self/cgroup | cut -d: -f3)/cpu.cfs_quota_us"
    commands = ["--exec", f"c1: {quota}", "--exec", f"c2: {quota}"]
    done = gtsdsl("emulate", lab, "--clock", "real", "--overlay", "geneve", "--flavors", *commands)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["100000", "200000"], "")


@pytest.mark.usefixtures("guest_kernel")
def test_a_host_without_a_flavor_is_named(gtsdsl: Cli, pair: Path) -> None:
    done = gtsdsl("emulate", str(pair), "--overlay", "geneve", "--flavors", "--exec", "c1: true")
    assert done.returncode == 0
    assert done.stderr.startswith("warning: h1, h2: no flavorId, so no limit\n")


def test_flavors_on_a_kernel_that_has_no_limits_are_refused_before_anything_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = OverlaySpec("none", "host", ("h1",), (Container("c1", "h1", 1, 2**30),), "10.244.0.0/16", "process")
    monkeypatch.setattr(limits, "_GROUPS", tmp_path)
    with pytest.raises(EmulationError, match=r"no control groups for cpu and memory: use a guest kernel"):
        require(asked)
    (tmp_path / "cgroup.controllers").touch()
    with pytest.raises(EmulationError, match=r"need control groups of version 1, which a guest kernel has"):
        require(asked)
    require(replace(asked, containers=(Container("c1", "h1"),)))


def test_flavors_are_those_of_gts_and_of_openstack() -> None:
    assert flavor("c2r4h20") == Flavor(2, 4 * 2**30, 20 * 2**30)
    assert flavor("small") == Flavor(1, 2 * 2**30, 20 * 2**30)
    for wrong in ("c0r4h20", "c2r4", "C2R4H20", "c2r4h20 ", "c2r4h9999999"):
        with pytest.raises(EmulationError, match="is not a flavor: write it as c2r4h20, or as one of tiny, small"):
            flavor(wrong)
