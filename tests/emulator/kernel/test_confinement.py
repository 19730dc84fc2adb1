"""Real guests: what they cannot do, tried as root in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.kernel import guest as guest_module
from emulator.kernel.confine import landlock_version
from emulator.kernel.guest import Boot

from .guests import run, shell

needs_landlock = pytest.mark.skipif(landlock_version() == 0, reason="this kernel has no Landlock")


def test_what_it_writes_is_forgotten_but_for_the_output_folder(boot: Boot, tmp_path: Path) -> None:
    output, other = tmp_path / "output", tmp_path / "other"
    output.mkdir()
    other.mkdir()
    script = f"mkdir {output}/d && echo kept > {output}/d/f && echo lost > {other}/f && cat {other}/f"
    assert run(boot, "/bin/sh", "-c", script, output=output) == (0, "lost\n", "")
    assert (output / "d" / "f").read_text() == "kept\n"
    assert list(other.iterdir()) == []


@needs_landlock
def test_root_in_the_guest_cannot_write_through_a_second_mount(boot: Boot, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    script = f"""mkdir /m && mount -t hostfs none /m -o / && cat /m{tmp_path}/precious
    echo x > /m{tmp_path}/new; echo x > /m{tmp_path}/precious; rm /m{tmp_path}/precious; mkdir /m{tmp_path}/folder
    ln /m{tmp_path}/precious /m{tmp_path}/link; mv /m{tmp_path}/precious /m{tmp_path}/moved
    chmod 777 /m{tmp_path}/precious"""
    _, out, err = shell(boot, script)
    assert out == "precious"
    assert err.count("ermission denied") >= 5
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]
    assert (tmp_path / "precious").read_text() == "precious"


@needs_landlock
@pytest.mark.parametrize("command", ["ln -s /etc/passwd", "mkfifo", "mknod -m 666 %s c 1 3 ;: "])
def test_it_cannot_plant_links_pipes_or_devices(boot: Boot, tmp_path: Path, command: str) -> None:
    target = f"{tmp_path}/planted"
    line = command % target if "%s" in command else f"{command} {target}"
    assert run(boot, "/bin/sh", "-c", line, output=tmp_path)[1] == ""
    assert list(tmp_path.iterdir()) == []


@needs_landlock
def test_it_cannot_write_through_a_link_that_is_there(boot: Boot, tmp_path: Path) -> None:
    """A link in the output folder is followed by the guest in its own root; a mount of the host's leads to Landlock."""
    output, precious = tmp_path / "output", tmp_path / "precious"
    output.mkdir()
    precious.write_text("precious")
    (output / "link").symlink_to(precious)
    (output / "folder").symlink_to(tmp_path)
    script = f"""mkdir /m && mount -t hostfs none /m -o {output}/folder
    echo x > {output}/link; echo x > /m/precious; echo x > {output}/folder/new; true"""
    run(boot, "/bin/sh", "-c", script, output=output)
    assert precious.read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["output", "precious"]


@needs_landlock
def test_it_cannot_signal_or_reach_the_machine(boot: Boot) -> None:
    """Its processes and addresses are its own: the host's process 1 is not its, and there is no network but its own."""
    status, out, _ = shell(boot, "ip -o link show up | grep -cv LOOPBACK; ls /proc | grep -c '^[0-9]'")
    assert status == 0
    assert out.split()[0] == "0"
    assert int(out.split()[1]) < 60


def test_without_landlock_it_still_runs(boot: Boot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest_module, "landlock_version", lambda: 0)
    assert shell(boot, "echo x > /etc/hosts && echo ran") == (0, "ran\n", "")
