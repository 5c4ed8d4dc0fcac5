"""Everything that decides what a test command runs, and what a change did to it. Start reading at `report.py`."""
