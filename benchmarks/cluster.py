"""The time that a benchmark takes at many repetitions on the workers of a cluster, from the measured time of its cells.

`python -m benchmarks.cluster RESULTS [REPETITIONS]` prints it for the results of `gtsdsl bench`.
"""

from __future__ import annotations

import heapq
import sys
from collections.abc import Sequence
from pathlib import Path

from emulator.bench.store import read_results

THREADS = (1, 2, 8, 32, 128, 512)
"""Numbers of cells at a time: the threads of all workers."""


def duration_s(costs_s: Sequence[float], threads: int) -> float:
    """Return the time until all cells have ended, if each free thread takes the cell that takes longest.

    So does `gtsdsl bench`. It is at most 4/3 of the shortest time that any order gives (Graham, 1969).
    """
    free_s = [0.0] * threads
    for cost_s in sorted(costs_s, reverse=True):
        heapq.heappush(free_s, heapq.heappop(free_s) + cost_s)
    return max(free_s)


def main(results: Path, repetitions: int) -> None:
    """Print a line for each number of threads."""
    measured = [cell for cell in read_results(results).cells if cell.error is None]
    first = [cell.wall_s for cell in measured if cell.repetition == 1]
    print(f"{len(first)} cells of {sum(first):.0f} s in all, {repetitions} times each")
    for threads in THREADS:
        hours = duration_s(first * repetitions, threads) / 3600
        print(f"{threads:4} threads: {hours:6.2f} hours")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100)
