"""`python -m benchmarks [NAME…]`: run the named benchmarks, or all, and print their tables.

The exit status is 1 if a goal was missed.
"""

from __future__ import annotations

import importlib
import sys

_ALL = (
    *("compiler", "imports", "network", "throughput", "exactness", "losses", "routing", "scenarios", "cpu"),
    *("overlays", "bench", "kernel", "cpu-validation"),
)

_missed = 0
for _name in sys.argv[1:] or _ALL:
    if _name not in _ALL:
        sys.exit(f"no benchmark is called {_name!r}: name some of {', '.join(_ALL)}")
    _missed += importlib.import_module(f"benchmarks.{_name.replace('-', '_')}").main()
sys.exit(1 if _missed else 0)
