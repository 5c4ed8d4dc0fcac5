"""The client: asks the daemon, and hands kernel commands to the kernel. Start reading at `__main__.py`."""
