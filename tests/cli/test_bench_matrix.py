"""The TOML file of a benchmark: what it sets, what is refused with its place, and the file that `--init` writes."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.bench import cells
from emulator.bench.options import BenchOptions
from emulator.options import OverlayOptions, RunOptions
from emulator.workloads import names
from gtsdsl.cli import cli
from gtsdsl.cli.bench.choice import find_parts, overridden, with_settings
from gtsdsl.cli.bench.init import EXAMPLES
from gtsdsl.cli.bench.keys import CIRCUITS_FILE, keys, overlay_keys
from gtsdsl.cli.bench.matrix_file import MatrixFile, read_matrix
from gtsdsl.cli.network import NetworkOptions
from gtsdsl.cli.options import options
from gtsdsl.diagnostics import GtsError
from gtsdsl.inputs.toml import MAX_CHARACTERS
from gtsdsl.source import Source
from tests.emulator.samples import MESH
from tests.slowness import slowness

MESH_OF_N = Path(__file__).parents[2] / "examples" / "mesh_of_n.dsl"
SECRET = "correct horse"  # noqa: S105
EVERYTHING = f"""\
topology = "nets/mesh.dsl"
overlays = ["none", "weave:sleeve", "all"]
workloads = "latency"
circuits = ["AMS-MIL", "h1-h3"]
hosts-too = true
duration = 2.5
repetitions = 3
memory = "2G"
clock = "virtual"
kernel = "host"
set = ["n=4"]
circuits-file = "circuits.json"
streaming.video = "video.mp4"
overlay.calico.policy = "policy.yaml"
rtt.AMS-MIL = "40ms"
rtt."AMS-LJU" = 30

[overlay.weave]
password = "{SECRET}"
[overlay."calico:rr"]
reflectors = ["h1", "h2"]
agent = "h1=real, h2=built-in"
"""


def test_a_file_sets_each_option_as_the_command_line_does(tmp_path: Path) -> None:
    found = read_matrix(Source(str(tmp_path / "bench.toml"), EVERYTHING))
    assert found.topology == tmp_path / "nets" / "mesh.dsl"
    assert found.values == {
        "overlays": ("none", "weave:sleeve", "all"),
        "workloads": ("latency",),
        "circuits": ("AMS-MIL", "h1-h3"),
        "hosts-too": True,
        "duration": 2.5,
        "repetitions": 3,
        "memory": 2**31,
        "clock": "virtual",
        "kernel": "native",
        "set": ("n=4",),
        "circuits-file": str(tmp_path / "circuits.json"),
        "rtt": ("AMS-MIL=40ms", "AMS-LJU=30"),
    }
    assert found.settings == {"streaming.video": str(tmp_path / "video.mp4")}
    assert found.overlays == {
        "weave": OverlayOptions("weave", password=SECRET),
        "calico": OverlayOptions("calico", policy=str(tmp_path / "policy.yaml")),
        "calico:rr": OverlayOptions("calico:rr", reflectors=("h1", "h2"), agent="h1=real, h2=built-in"),
    }


MISTAKES = [
    ("repetitons = 3", "1:1", "unknown key `repetitons`", "did you mean `repetitions`?"),
    ("\nzyx = 3", "2:1", "unknown key `zyx`", "the keys are topology, overlay, overlays, "),
    ('setting = "a"', "1:1", "a file cannot set `setting`", "give --setting on the command line"),
    ('scheduler = "tcp://evil:1"', "1:1", "a file cannot set `scheduler`", "give --scheduler on the command line"),
    ("allow-programs = true", "1:1", "a file cannot set `allow-programs`", "give --allow-programs"),
    ("repetitions = 0", "1:15", "0 is not between 1 and 10000", None),
    ("repetitions = 2.0", "1:15", "this must be a whole number, not a number", None),
    ("repetitions = true", "1:15", "this must be a whole number, not true or false", None),
    ("duration = nan", "1:12", "`nan` is not a number of seconds above 0", None),
    ("duration = 1e9", "1:12", "1000000000.0 is more than 1000000 seconds", None),
    ("fail-fast = 1", "1:13", "this must be true or false, not a whole number", None),
    ("memory = 2", "1:10", 'this must be a size in quotes, such as "2G"', None),
    ('memory = "2T"', "1:10", "`2T` is not a size", None),
    ('clock = "virtua"', "1:9", "did you mean `virtual`?", None),
    ("clock = 1979-05-27", "1:9", "this must be a text in quotes, not a date or a time", None),
    ('overlays = ["none",\n  "flanell"]', "2:3", "unknown overlay flanell; did you mean `flannel`?", None),
    ('overlays = ["none", 1]', "1:21", "each item must be one name in quotes", None),
    ("[circuits]", "1:2", "this must be an array of texts", None),
    ("circuits = []", "1:12", "this array is empty", None),
    ('workloads = "latenzy"', "1:13", "unknown workload latenzy; did you mean `latency`?", None),
    ("rtt = 40", "1:7", "this must be a table or an array of A-B=TIME", None),
    ("[latency]\nspeed = 1", "2:1", "unknown setting latency.speed", None),
    ("latency = 1", "1:11", "this must be a table: [latency]", None),
    ("[latency]\nx = {}", "2:5", "this must be a text, a number or an array of these, not a table", None),
    ('streaming.video = "/etc/shadow"', "1:19", "`/etc/shadow` is not below the folder of this file", None),
    ("[overlay.weve]", "1:10", "unknown overlay weve; did you mean `weave`?", None),
    ("overlay.weave = 1", "1:17", "this must be a table: [overlay.weave]", None),
    ("[overlay.weave]\npasword = 1", "2:1", "unknown option of an overlay `pasword`", "did you mean `password`?"),
    ("overlay.weave.containers = -1", "1:28", "-1 is less than 0", None),
    ('topology = "../mesh.dsl"', "1:12", "`../mesh.dsl` is not below the folder of this file", None),
    ('topology = "/etc/passwd"', "1:12", "`/etc/passwd` is not below the folder of this file", None),
    ('topology = "link/mesh.dsl"', "1:12", "`link/mesh.dsl` is not below the folder of this file", None),
    ('circuits-file = "../c.json"', "1:17", "`../c.json` is not below the folder of this file", None),
    ('environment = "../e.json"', "1:15", "`../e.json` is not below the folder of this file", None),
    ('overlay.calico.policy = "/p"', "1:25", "`/p` is not below the folder of this file", None),
    ('overlay.weave.agent = "./weaver"', "1:23", "`./weaver` names what would run: add --allow-programs", None),
    ('overlay.libnetwork.image = "a.tar"', "1:28", "`a.tar` names what would run: add --allow-programs", None),
]


@pytest.mark.parametrize(
    "name", [name for name, key in keys().items() if key.flag.in_files and "FILE" in (key.flag.metavar or "")]
)
def test_no_key_names_a_file_outside_the_folder(tmp_path: Path, name: str) -> None:
    value = "['../a']" if keys()[name].flag.type == "texts" else "'../a'"
    source = Source(str(tmp_path / "bench.toml"), f"{name} = {value}")
    with pytest.raises(GtsError, match=r"`\.\./a` is not below the folder of this file"):
        read_matrix(source)


@pytest.mark.parametrize(("text", "place", "message", "hint"), MISTAKES, ids=[it[0] for it in MISTAKES])
def test_a_mistake_has_its_line_and_column(
    tmp_path: Path, text: str, place: str, message: str, hint: str | None
) -> None:
    (tmp_path / "link").symlink_to("/")
    source = Source(str(tmp_path / "bench.toml"), text)
    with pytest.raises(GtsError) as caught:
        read_matrix(source)
    (found,) = caught.value.diagnostics
    assert found.place is not None
    line, column = source.position(source.span(found.place).start)
    assert (found.code, f"{line}:{column}") == ("GTS008", place)
    assert message in found.message
    assert (found.hint or "").startswith(hint or "")


def test_all_mistakes_are_shown_at_once() -> None:
    with pytest.raises(GtsError) as caught:
        read_matrix(Source("bench.toml", "\n".join(text for text, _, _, _ in MISTAKES[:1] + MISTAKES[4:5])))
    assert len(caught.value.diagnostics) == 2


@pytest.mark.parametrize(
    "text", ["".join(f"k{number}=1\n" for number in range(7000)), "[overlay.x]\n" * 5000, "[[parts]]\n" * 6500]
)
def test_a_file_of_mistakes_costs_little(text: str) -> None:
    began_s = time.process_time()
    with pytest.raises(GtsError):
        read_matrix(Source("bench.toml", text[:MAX_CHARACTERS]))
    assert time.process_time() - began_s < 5 * slowness()


KEYS = [*keys(), "topology", "overlay", "parts", *names(), "overlay.weave.password", "overlay.calico.label"]
VALUES = """1 -1 1.5 nan inf true "a" "" [] ["a","a"] [1] [[]] {} {a=1} {a={b=1}} "all" "\\u0000" ["a=b"] {"a=b"="c"}
    1979-05-27 "2G" 1e999 [{name="a"}] [{name="b",circuits=["x"],latency={interval_s=1}}]
    {weave={}} {weave=1}""".split()


@settings(max_examples=100)
@given(st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES)), max_size=4), st.booleans())
def test_any_value_of_any_key_is_taken_or_refused(pairs: list[tuple[str, str]], allow_programs: bool) -> None:
    source = Source("bench.toml", "".join(f"{key} = {value}\n" for key, value in pairs))
    with contextlib.suppress(GtsError):
        read_matrix(source, allow_programs=allow_programs)


def test_programs_and_images_need_the_users_consent() -> None:
    text = 'overlay.weave.agent = "./weaver"\noverlay.libnetwork.image = "a.tar"'
    found = read_matrix(Source("bench.toml", text), allow_programs=True).overlays
    assert (found["weave"].agent, found["libnetwork"].image) == ("./weaver", "a.tar")


def chosen(matrix: MatrixFile, *arguments: str) -> tuple[BenchOptions, RunOptions, NetworkOptions]:
    """Return the options of a command with a file and these arguments."""
    found: list[tuple[BenchOptions, RunOptions, NetworkOptions]] = []

    @click.command()
    @options(BenchOptions, "bench")
    @options(RunOptions, "run")
    @options(NetworkOptions, "network", circuits_file=CIRCUITS_FILE)
    def command(bench: BenchOptions, run: RunOptions, network: NetworkOptions) -> None:
        bench = with_settings(overridden(bench, matrix), matrix)
        found.append((bench, overridden(run, matrix), overridden(network, matrix)))

    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 0, done.output
    return found[0]


def test_the_command_line_comes_before_the_file() -> None:
    matrix = MatrixFile(
        values={"repetitions": 3, "duration": 2.0, "memory": 2**31, "rtt": ("AMS-MIL=40ms", "AMS-LJU=30ms")},
        settings={"latency.a": "1", "latency.b": "2", "throughput.c": "3"},
    )
    arguments = "--repetitions 1 --rtt MIL-AMS=50ms --setting latency.b=4 --workloads latency".split()
    bench, run, network = chosen(matrix, *arguments)
    assert (bench.repetitions, bench.duration_s, run.memory_bytes) == (1, 2.0, 2**31)
    assert network.rtts == ("AMS-LJU=30ms", "MIL-AMS=50ms")
    assert bench.settings == {"latency.a": "1", "latency.b": "4"}
    assert chosen(matrix)[0].settings == {"latency.a": "1", "latency.b": "2", "throughput.c": "3"}


def test_a_topology_comes_from_the_command_or_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "bench.toml"
    file.write_text('topology = "mesh.dsl"\nrepetitions = 2')
    (part,) = find_parts(str(file), None, None, allow_programs=False)
    assert part.topology == tmp_path / "mesh.dsl"
    (part,) = find_parts("other.dsl", str(file), None, allow_programs=False)
    assert (part.topology, part.values) == (Path("other.dsl"), {"repetitions": 2})
    with pytest.raises(click.UsageError, match="has the options already: give a topology with --matrix"):
        find_parts(str(file), str(file), None, allow_programs=False)
    file.write_text("repetitions = 2")
    with pytest.raises(GtsError, match="this file names no topology"):
        find_parts(str(file), None, None, allow_programs=False)


@pytest.fixture
def mesh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only topology in the current folder."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copy(MESH, tmp_path / "mesh.dsl"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "error: bench.toml:2:12: this topology has no circuit AMS-MLI; did you mean `AMS-MIL`?\n"),
        (("--circuits", "AMS-BAR"), "error: this topology has no circuit AMS-BAR; did you mean `AMS-BRA`?\n"),
    ],
    ids=["file", "command"],
)
@pytest.mark.usefixtures("mesh")
def test_a_circuit_that_the_topology_lacks_has_its_place(arguments: tuple[str, ...], said: str) -> None:
    Path("bench.toml").write_text('topology = "mesh.dsl"\ncircuits = ["AMS-MLI"]')
    done = CliRunner().invoke(cli, ["bench", "bench.toml", *arguments])
    assert (done.exit_code, done.stderr) == (2, said)


@pytest.mark.usefixtures("mesh")
def test_parts_have_no_more_cells_than_a_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "MOST_CELLS", 20)
    part = '\n[[parts]]\nname = "{}"\nrepetitions = 3'
    Path("bench.toml").write_text('topology = "mesh.dsl"\ncircuits = ["AMS-MIL"]' + "".join(map(part.format, "abcd")))
    done = CliRunner().invoke(cli, ["bench", "bench.toml", "--workloads", "latency"])
    assert (done.exit_code, done.stderr) == (
        3,
        "error: the benchmark has 24 cells, and 20 are the most: choose fewer overlays, workloads, circuits or "
        "repetitions\n",
    )


def test_init_writes_a_file_once(mesh: Path) -> None:
    done = CliRunner().invoke(cli, ["bench", "--init"])
    assert done.output == "bench.toml has all options of a benchmark; `gtsdsl bench bench.toml` runs it\n"
    text = Path("bench.toml").read_text()
    Path("bench.toml").unlink()
    CliRunner().invoke(cli, ["bench", "run", "--init", str(mesh)])
    assert Path("bench.toml").read_text() == text
    done = CliRunner().invoke(cli, ["bench", "--init", str(mesh)])
    assert done.exit_code == 1
    assert done.output.endswith("bench.toml exists, and is left as it is: move it away first\n")
    assert Path("bench.toml").read_text() == text


def test_init_states_the_parameters_of_the_topology_and_takes_no_other_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = MESH_OF_N.read_text(encoding="utf-8").replace("int n = 5", "int n")
    Path("mesh.dsl").write_text(text, encoding="utf-8")
    without = CliRunner().invoke(cli, ["bench", "--init"])
    assert (without.exit_code, "`n`" in without.stderr) == (1, True)
    for option in ("--overlays=none", "--delay=AMS-MIL=1ms", "--output=x"):
        done = CliRunner().invoke(cli, ["bench", "--init", "--set", "n=3", option])
        name = option.partition("=")[0]
        assert done.exit_code == 2
        assert f"--init takes no {name}: write it into the file that it makes" in done.stderr
    assert CliRunner().invoke(cli, ["bench", "--init", "--set", "n=3"]).exit_code == 0
    found = read_matrix(Source("bench.toml", Path("bench.toml").read_text(encoding="utf-8")))
    assert found.values["set"] == ("n=3",)


@pytest.mark.parametrize(("names", "said"), [((), "this folder has no topology"), (("a", "b"), "has 2 topologies")])
def test_init_needs_a_topology(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in names:
        shutil.copy(MESH, f"{name}.dsl")
    done = CliRunner().invoke(cli, ["bench", "--init"])
    assert done.exit_code == 2
    assert said in done.output


@pytest.mark.usefixtures("mesh")
def test_the_written_file_has_each_key_and_sets_only_defaults() -> None:
    CliRunner().invoke(cli, ["bench", "--init"])
    text = Path("bench.toml").read_text()
    found = read_matrix(Source("bench.toml", text))
    assert found == MatrixFile(
        Path("mesh.dsl"), {"overlays": ("none", "flannel"), "workloads": ("latency", "throughput")}
    )
    names = [*(name for name, key in keys().items() if key.flag.in_files), *overlay_keys()]
    for name in names:
        assert len(re.findall(rf"^(?:# )?{name} = ", text, re.M)) == names.count(name)
    assert keys().keys() | overlay_keys().keys() > EXAMPLES.keys()
    read_matrix(Source("bench.toml", "\n".join(uncommented(text))), allow_programs=True)


def uncommented(text: str) -> Iterator[str]:
    """Yield the lines of a file with all keys set."""
    for line in text.splitlines():
        yield re.sub(r"^# (?=[a-z_-]+ = |\[)", "", line)
