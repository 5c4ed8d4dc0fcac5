"""The daemon: keeps kernels alive and within limits. Start reading at `__main__.py`."""
