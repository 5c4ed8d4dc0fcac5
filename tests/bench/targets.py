"""What each figure shall be at most, by its name.

Not here: measuring it; see `item_figures.py` and `growth_figures.py`.
"""

AT_MOST = {
    "own_time_per_item_s": 0.12,
    "git_processes_per_item": 9,
    "fsyncs_per_item": 25,
    "item60_over_item1": 1.03,
    "files1000_over_files1": 1.5,
    # A digit more in a number of the state is no growth.
    "run_state_bytes_per_item": 1,
    "status_over_python_pass": 3,
    "list_items_over_python_pass": 3,
}
