"""The command that repeats one cell of a benchmark."""

from __future__ import annotations

from emulator.bench.results import CellResult, Results
from emulator.workloads import names, workload

_OF_A_CELL = frozenset(
    [
        *("--overlays", "--workloads", "--circuits", "--hosts-too", "--point-to-point", "--repetitions", "--seed"),
        "--parts",
        *("--setting", "--output", "--fail-fast", "--workers", "--scheduler", "--each-cpus", "--each-offload"),
    ]
)
"""The options that a cell decides, and those that decide no result."""
_KEY_CHARACTERS = 8


def repeat_command(results: Results, cell: CellResult) -> tuple[str, ...]:
    """Return the command line that measures a cell of a benchmark again, into a folder of its own.

    The cell has the same key there, and in the virtual clock the same result. The command runs in the folder in which
    the benchmark ran. With ``--hosts-too``, it measures the cell between the containers too.
    """
    given = [(token.partition("=")[0], token) for token in results.command]
    own = [f"--overlays={cell.overlay}", f"--workloads={cell.workload}"]
    if cell.workload not in names() or workload(cell.workload).subject == "pair":
        own.append(f"--circuits={cell.circuit}")
    own += [token for name, token in given if name == "--setting" and token.startswith(f"{name}={cell.workload}.")]
    own += ["--hosts-too"] if cell.level == "hosts" else []
    own += ["--point-to-point"] if cell.network == "pair" else []
    own += [f"--parts={cell.part}"] if cell.part else []
    own += [f"--each-cpus={cell.variant.cpus}"] if cell.variant.cpus else []
    own += [f"--each-offload={cell.variant.offload}"] if cell.variant.offload else []
    own += ["--repetitions=1", f"--seed={cell.seed}", f"--output=repeat-{cell.key[:_KEY_CHARACTERS]}"]
    return ("gtsdsl", *(token for name, token in given if name not in _OF_A_CELL), *own)
