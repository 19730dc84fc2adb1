"""The key-value stores that overlays keep their state in."""
