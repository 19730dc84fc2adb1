"""The commands that run a guest kernel: `gtsdsl emulate` and `gtsdsl guest`."""
