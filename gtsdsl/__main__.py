"""Start the command line: `gtsdsl` and `python -m gtsdsl`."""

import signal


def main() -> None:
    """Run the command line. Ctrl-C ends it at once, without a traceback, until a command has something to undo.

    Python's own way, an exception, is lost where it is raised in the bookkeeping of an import.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else whoever started us has us ignore it
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from gtsdsl.cli import main as run

    run()


if __name__ == "__main__":
    main()
