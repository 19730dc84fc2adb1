"""The machine, for programs that know nothing of networks: processes, folders, signals, files."""
