"""The kernel: carries one reviewed playbook, item by item. Start reading at `rules/machine.py`."""
