"""Kernels to run in: this machine's own, or a guest kernel with its own clock; build, boot and confine a guest."""
