"""Where an emulation runs: this host's kernel, or a guest kernel with a clock of its own."""
