"""`gtsdsl emulate`: topologies come alive in a guest, commands run in them, and what comes back."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.kernel.cache import Kernel
from tests.emulator.kernel.standins import require_no_wheel
from tests.emulator.samples import HANG_S, MESH, Cli

RTT_MS = 36.2


def test_a_command_runs_in_a_host_and_finds_the_other_by_its_name(emulate: Cli) -> None:
    done = emulate("--exec", "h1: ping -c 3 h2")
    assert (done.returncode, done.stderr) == (0, "")
    found = re.search(r"3 packets transmitted, 3 received, 0% packet loss, time (\d+)ms$", done.stdout, re.M)
    assert found, done.stdout
    assert 2000 <= int(found[1]) <= 2010
    assert re.search(r"rtt min/avg/max/mdev = 36\.20[0-5]/", done.stdout)


def test_commands_run_in_their_order_and_share_the_network(emulate: Cli) -> None:
    fetch = "import urllib.request as it; print(it.urlopen('http://h2').status)"
    done = emulate(
        "--exec", "h2: python3 -m http.server 80 > /dev/null 2>&1 &",
        "--exec", f'h1: sleep 1; python3 -c "{fetch}"',
        "--exec", "h2: hostname -I | wc -w",  # an address of each family
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "200\n2\n"), done.stderr


@pytest.mark.parametrize(
    ("command", "status"), [("exit 7", 7), ("kill -9 $$", 137), ("no-such-command", 127), ("true", 0)]
)
def test_the_exit_status_is_the_failed_commands_and_it_ends_the_run(emulate: Cli, command: str, status: int) -> None:
    done = emulate("--exec", f"h1: {command}", "--exec", "h2: echo more")
    assert done.returncode == status
    assert done.stdout == ("more\n" if status == 0 else "")


def test_keep_going_runs_the_rest_and_still_fails(emulate: Cli) -> None:
    done = emulate("--keep-going", "--exec", "h1: echo err >&2; exit 7", "--exec", "h2: echo more; exit 8")
    assert (done.returncode, done.stdout, done.stderr) == (7, "more\n", "err\n")


def test_the_shell_line_is_the_users_from_the_first_colon_on(emulate: Cli) -> None:
    assert emulate("--exec", "h1: echo 'a: b' \"$((1+1))\" : c").stdout == "a: b 2 : c\n"


@pytest.mark.parametrize("delay", ["4s", "60s"])
def test_a_host_far_away_is_reached(emulate: Cli, pair: Path, delay: str) -> None:
    """Though ARP would give up before it answers."""
    pair.write_text(pair.read_text().replace('id = "l1"', f'id = "l1"; delay = "{delay}"'))
    done = emulate("--probe", "--count", "3", "--json", "result.json")
    assert done.returncode == 0, done.stderr
    (circuit,) = json.loads((pair.parent / "work" / "result.json").read_text())["probe"]
    assert circuit["lost"] == 0
    assert abs(circuit["error_us"]) < 5
    assert " 0% packet loss" in emulate("--exec", "h1: ping -q -c 2 -W 300 h2").stdout


def test_delays_can_be_given(emulate: Cli) -> None:
    done = emulate("--rtt", "AMS-MIL=80ms", "--exec", "h1: ping -q -c 2 h2")
    assert re.search(r"= 80\.00[0-5]/", done.stdout), done.stdout


def test_a_script_has_mininets_api(emulate: Cli, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nh1, h2 = net.get('h1', 'h2')\n"
        "print(h1.cmd('ping -q -c 2', h2.IP()).splitlines()[-2])\nprint(net.pingAll())\nsys.exit(4)\n"
    )
    done = emulate("--script", str(script))
    assert done.returncode == 4, done.stderr
    found = re.fullmatch(r"2 packets transmitted, 2 received, 0% packet loss, time (\d+)ms\n0\.0\n", done.stdout)
    assert found, done.stdout
    assert 1000 <= int(found[1]) <= 1005


def test_a_change_leaves_the_rest_of_what_a_link_was_told_as_it_is(emulate: Cli, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from emulator.mininet.impair import impair, impairment_text\nh1, h2 = net.get('h1', 'h2')\n"
        "added = net.addLink(h1, h2, delay='20ms', params1={'ip': '10.9.0.1/24'}, params2={'ip': '10.9.0.2/24'})\n"
        "impair(net, added.id, ['jitter', '0ms', 'bandwidth', '500'])\n"
        "print(h1.cmd('ping -q -c 2 10.9.0.2').splitlines()[-1])\n"
        "added.intf1.config(delay='30ms', max_queue_size=7)\n"
        "impair(net, added.id, ['loss', '1%'])\n"
        "print(impairment_text(added), '|', h1.cmd('tc qdisc show dev', added.intf1.name))\n"
    )
    done = emulate("--script", str(script))
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"= 40\.00\d/", done.stdout), done.stdout
    assert "50 ms (30/20), 1 % lost, 1000/500 Mbit/s | " in done.stdout
    assert "limit 7 delay 30ms loss 1%" in done.stdout


def test_a_script_that_fails_shows_its_own_traceback(emulate: Cli, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("def f():\n    1 / 0\nf()\n")
    done = emulate("--script", str(script))
    assert done.returncode == 1
    assert f'File "{script}", line 2, in f' in done.stderr
    assert "runpy" not in done.stderr


def test_a_network_whose_process_is_killed_says_so(emulate: Cli, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import os\nos.kill(os.getpid(), 9)\n")
    done = emulate("--script", str(script))
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr == ("error: the network process was killed (out of memory?); try a larger --memory\n")


def test_a_script_that_is_no_python_shows_its_own_line(emulate: Cli, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("def f(:\n")
    done = emulate("--script", str(script))
    assert done.returncode == 1
    assert f'File "{script}", line 1\n' in done.stderr
    assert "SyntaxError" in done.stderr
    assert "Traceback" not in done.stderr
    assert "runpy" not in done.stderr


def test_a_result_on_standard_output_is_alone_there(emulate: Cli) -> None:
    done = emulate("--probe", "--exec", "h1: echo said", "--json", "-")
    assert json.loads(done.stdout)["probe"][0]["lost"] == 0
    assert "said\n" in done.stderr
    assert "36.200 ms" in done.stderr


def test_a_temporary_folder_may_be_called_anything(pair: Path, tmp_path: Path, guest_kernel: Kernel) -> None:
    assert guest_kernel
    folder = tmp_path / "a,b: c"
    folder.mkdir()
    command = [sys.executable, "-m", "gtsdsl", "emulate", str(pair), "--exec", "h1: echo up"]
    done = subprocess.run(
        command, env={**os.environ, "TMPDIR": str(folder)}, capture_output=True, text=True, timeout=HANG_S, check=False
    )
    assert (done.returncode, done.stdout) == (0, "up\n"), done.stderr


# bad input


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--exec", "h9: true"), "unknown host `h9`"),
        (("--exec", "true"), "is not HOST: COMMAND"),
        (("--exec", "h1:"), "is not HOST: COMMAND"),
        (("--rtt", "AMS=1ms"), "AMS-MIL=40ms"),
        (("--rtt", "AMS-MIL=fast"), "not a duration"),
        (("--rtt", "AMS-MLI=40ms"), "this topology has no circuit between AMS and MLI; did you mean `AMS-MIL`?"),
        (("--json", "x.json"), "--probe, --exec, --script and --scenario"),
        (("--exec", "h1: echo ran", "--json", "no/x.json"), "no/x.json cannot be written: the folder "),
        (("--exec", "h1: echo ran", "--json", "."), ". cannot be written: it is a folder"),
        (("--exec", "h1: echo ran", "--timeout", "nan"), "--timeout"),
        (("--exec", "h1: echo ran", "--patience", "nan"), "--patience"),
        (("--memory", "much"), "--memory: `much` is not a size"),
        (("--memory", "1M"), "at least 64M"),
        (("--script", "missing.py"), "missing.py"),
        (("--set", "n"), "NAME=VALUE"),
    ],
)
def test_wrong_usage_is_said_before_anything_runs(emulate: Cli, arguments: tuple[str, ...], said: str) -> None:
    done = emulate(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in re.sub(r"\s+", " ", done.stderr)
    assert "Traceback" not in done.stderr


def test_a_topology_with_errors_is_refused_with_its_diagnostics(gtsdsl: Cli, tmp_path: Path) -> None:
    (tmp_path / "bad.dsl").write_text('Bad {\n  id = "B"\n  host { id = "h1" }\n  adjacency h1.nope, l1.src\n}\n')
    done = gtsdsl("emulate", str(tmp_path / "bad.dsl"), "--probe")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.search(r"error\[GTS\d{3}\]", done.stderr)


def test_a_topology_without_a_host_cannot_run(gtsdsl: Cli, tmp_path: Path) -> None:
    (tmp_path / "none.dsl").write_text('None_ { id = "N" }\n')
    done = gtsdsl("emulate", str(tmp_path / "none.dsl"), "--probe")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_a_missing_kernel_is_one_line(gtsdsl: Cli, pair: Path, tmp_path: Path) -> None:
    require_no_wheel()
    prefix = ("env", f"XDG_CACHE_HOME={tmp_path}")
    done = gtsdsl("emulate", str(pair), "--kernel", "uml", "--probe", prefix=prefix)
    assert (done.returncode, done.stderr) == (3, "error: no guest kernel has been built: gtsdsl kernel build\n")


def test_a_clock_is_never_replaced(gtsdsl: Cli, pair: Path) -> None:
    done = gtsdsl("emulate", str(pair), "--kernel", "native", "--clock", "virtual", "--probe")
    assert done.returncode == 3
    assert "no virtual clock" in done.stderr


@pytest.mark.parametrize("name", ["h 1", "$(touch owned)", "'; touch owned; '", "a\nb", "../../x", "-c", "h1\x1b[31m"])
def test_ids_are_data(gtsdsl: Cli, tmp_path: Path, guest_kernel: Kernel, name: str) -> None:
    assert guest_kernel
    text = MESH.read_text()
    quoted = name.replace("\\", "\\\\").replace("\n", "\\n").replace("$", "\\$").replace("\x1b", "\\u001b")
    (tmp_path / "odd.dsl").write_text(text.replace('id = "l1"', f'id = "{quoted}"'))
    done = gtsdsl("emulate", str(tmp_path / "odd.dsl"), "--probe", "--count", "1", "--exec", "h1: ls /tmp/owned owned")
    assert "Traceback" not in done.stderr
    assert "\x1b[31m" not in done.stdout + done.stderr
    # `ls` would show a file that a part of the id made in the guest, whose /tmp is its own
    assert not re.search(r"^(/tmp/)?owned$", done.stdout, re.M)
    assert not list(tmp_path.rglob("owned"))


def test_a_timeout_names_the_command(emulate: Cli) -> None:
    done = emulate("--clock", "real", "--timeout", "15", "--exec", "h1: sleep 100")
    assert (done.returncode, done.stderr) == (124, "error: timed out after 15 s: h1: sleep 100\n")


def test_a_command_that_stops_the_clock_is_named(emulate: Cli) -> None:
    done = emulate("--patience", "10", "--exec", "h1: while :; do :; done")
    assert done.returncode == 125
    assert "the virtual clock has stood still for 10 s" in done.stderr
    assert "h1: while :; do :; done" in done.stderr


FORGE = """h1: python3 - << 'END'
import json, os, signal
folder = os.environ["GTSDSL_SHARED"]
plan = json.load(open(folder + "/task.json"))["plan"]
way = {"expected_us": 0.5, "measured_us": 0.5, "error_us": 0.0}
probe = [{"id": "l9", "first": "h1", "second": "h9", "by": "icmp", "configured_us": 1.0, "expected_us": 1.0,
          "measured_us": 1.0, "error_us": 0.0, "sent": 3, "lost": 0, "samples_us": [1.0] * 3,
          "there": way, "back": way, "there_samples_us": [0.5] * 3, "family": 4}]
with open(folder + "/result.json", "w") as file:
    json.dump({"exit_status": 0, "probe": probe, "overlay": None, "commands": [], "drops": [], "workload": None,
               "scenario": None}, file)
for name in os.listdir("/proc"):  # whoever would write the true result
    if name.isdigit() and name != "1" and int(name) != os.getpid() and os.path.exists("/proc/" + name + "/exe"):
        if b"emulator.inside.__main__" in open("/proc/" + name + "/cmdline", "rb").read():
            os.kill(int(name), signal.SIGKILL)
END"""


def test_a_forged_result_is_refused(emulate: Cli, tmp_path: Path) -> None:
    output = tmp_path / "result.json"
    done = emulate("--probe", "--count", "3", "--exec", FORGE, "--json", str(output))
    assert (done.returncode, done.stdout) == (3, "")
    assert re.fullmatch(r"error: the guest's result is refused: .*\n", done.stderr)
    assert not output.exists()


def test_a_run_that_leaves_no_result_has_not_succeeded(emulate: Cli, tmp_path: Path) -> None:
    output = tmp_path / "result.json"
    end = "h1: printf 0 > $GTSDSL_SHARED/status; echo o > /proc/sysrq-trigger; sleep 9"
    done = emulate("--exec", end, "--exec", "h1: false", "--json", str(output))
    said = "error: the guest's result is refused: it is missing, though the run says that it succeeded\n"
    assert (done.returncode, done.stdout, done.stderr) == (3, "", said)
    assert not output.exists()
