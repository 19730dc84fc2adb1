"""Docker's own daemons and containers in an emulation: never the user's."""
