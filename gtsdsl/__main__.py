"""`python -m gtsdsl` is `gtsdsl`."""

from gtsdsl.cli import main

main()
