"""The key-value stores that hold overlays' state."""
