"""Docker daemons and containers inside an emulation; the user's own Docker is never changed."""
