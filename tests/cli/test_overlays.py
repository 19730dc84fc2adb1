"""`gtsdsl overlays`: its table, its JSON, the sentences about missing things, and its exit status."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from emulator.kernel import choose
from emulator.kernel.cache import Kernel
from emulator.kernel.choose import KernelChoice
from emulator.kernel.kinds import Clock, KernelKind
from emulator.outside import survey as surveys
from emulator.outside.runner import RunSettings
from emulator.overlays.catalog import Survey, entries
from emulator.system.errors import EmulationError
from gtsdsl.cli import cli
from tests.emulator.samples import Cli

NAMES = [entry.name for entry in entries()]
ALL_THERE: dict[str, tuple[str, ...]] = dict.fromkeys(NAMES, ())
MISSING = ("nebula, nebula-cert missing: `apt-get install nebula`",)


def look(monkeypatch: pytest.MonkeyPatch, found: Survey) -> None:
    """Let the command look in this machine's kernel, without a process, and find what is missing."""

    def survey(settings: RunSettings) -> Survey:
        assert settings.choice.kind is KernelKind.NATIVE
        return found

    monkeypatch.setattr(choose, "choose", lambda _: KernelChoice(KernelKind.NATIVE, Clock.REAL, None))
    monkeypatch.setattr(surveys, "run_survey", survey)


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["overlays", *arguments])
    return done.exit_code, done.output


def test_a_row_says_yes_or_no_and_a_line_says_what_mends_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    with_password: dict[str, dict[str, tuple[str, ...]]] = {
        "weave:sleeve": {"--overlay-password": ("PyNaCl is missing",)}
    }
    look(monkeypatch, Survey({**ALL_THERE, "nebula:tun": MISSING}, with_password))
    status, output = run()
    assert status == 0
    rows = {tuple(line.split()[1:3]): line.split() for line in output.splitlines() if line[:3].strip() in ("yes", "no")}
    assert [":".join(pair) for pair in rows] == NAMES
    assert rows["nebula", "tun"][0] == "no"
    assert rows["weave", "sleeve"][0] == "yes"
    assert rows["flannel", "wireguard"][:6] == ["yes", "flannel", "wireguard", "routed", "through", "WireGuard"]
    assert rows["flannel", "wireguard"][-2:] == ["etcd,", "WireGuard"]
    assert output.splitlines()[-3:-1] == [
        "nebula:tun: nebula, nebula-cert missing: `apt-get install nebula`",
        "weave:sleeve: with --overlay-password: PyNaCl is missing",
    ]
    assert output.splitlines()[-1].startswith("Looked for in this machine's own kernel, Linux ")
    assert "\x1b" not in output  # no colours in a pipe


def test_what_several_variants_lack_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    etcd = ("etcd is missing: install etcd-server",)
    look(monkeypatch, Survey({**ALL_THERE, "flannel:vxlan": etcd, "flannel:udp": etcd}, {}))
    _, output = run()
    assert "\nflannel:vxlan, flannel:udp: etcd is missing: install etcd-server\n" in output


def test_json_has_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    look(monkeypatch, Survey({**ALL_THERE, "nebula:tun": MISSING}, {}))
    status, output = run("--json")
    assert (status, output) == run("--format", "json")
    document = json.loads(output)
    assert (document["version"], document["kernel"]) == (1, "native")
    (nebula,) = (overlay for overlay in document["overlays"] if overlay["name"] == "nebula")
    assert nebula == {
        "name": "nebula",
        "runtimes": ["process", "docker"],
        "variants": [
            {
                "name": "tun",
                "forwards": "routed to nebula, encrypted in UDP",
                "store": None,
                "state": "lighthouse",
                "agent": "nebula",
                "needs": ["nebula", "ssh", "TUN"],
                "options": ["--overlay-mtu"],
                "works": False,
                "lacks": list(MISSING),
                "option_lacks": {},
            }
        ],
    }


def test_the_exit_status_is_3_if_no_overlay_can_run(monkeypatch: pytest.MonkeyPatch) -> None:
    look(monkeypatch, Survey(dict.fromkeys(NAMES, ("nothing works",)), {}))
    assert run()[0] == 3


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_without_a_kernel_it_lists_what_there_is_and_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    def refuse(_: str) -> KernelChoice:
        raise EmulationError("no kernel to run in: gtsdsl kernel build")

    monkeypatch.setattr(choose, "choose", refuse)
    done = CliRunner().invoke(cli, ["overlays", *arguments])
    assert done.exit_code == 3
    assert done.stderr == "error: no kernel to run in: gtsdsl kernel build\n"
    if arguments:
        works = [variant["works"] for overlay in json.loads(done.stdout)["overlays"] for variant in overlay["variants"]]
        assert works == [None] * len(NAMES)
    else:
        assert [line[0] for line in done.stdout.splitlines() if line.strip()][1:] == ["?"] * len(NAMES)


def test_in_a_guest_it_finds_what_is_there(gtsdsl: Cli, guest_kernel: Kernel) -> None:
    done = gtsdsl("overlays", "--json", "--kernel", "uml")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert (document["kernel"], document["linux"]) == ("uml", guest_kernel.version)
    works = {
        f"{overlay['name']}:{variant['name']}": variant["works"]
        for overlay in document["overlays"]
        for variant in overlay["variants"]
    }
    assert list(works) == NAMES
    # the guest kernel has all that these need
    assert all(works[name] for name in ("none:host", "geneve:mesh", "weave:fastdp", "weave:sleeve"))


@pytest.mark.usefixtures("guest_kernel")
def test_in_a_guest_it_names_a_missing_program(gtsdsl: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in os.environ["PATH"].split(os.pathsep):
        for program in Path(folder).glob("*"):
            link = tmp_path / program.name
            if program.name not in ("nebula", "bird") and not link.exists():
                link.symlink_to(program)
    if not (tmp_path / "nebula-cert").exists():  # Debian's package has both, and another package may have neither
        (tmp_path / "nebula-cert").symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(tmp_path))
    done = gtsdsl("overlays", "--kernel", "uml")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\nnebula:tun: nebula missing: `apt-get install nebula`\n" in done.stdout
