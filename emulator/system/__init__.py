"""Small services of the machine that know nothing of networks: processes, folders, signals, files."""
