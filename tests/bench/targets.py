"""What each figure shall be at most, or at least, by its name.

Not here: measuring it; see the files named `*_figures.py`.
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
    "supervised_over_unsupervised": 1.5,
    "spawn_to_live_s": 0.3,
    "double_kill_to_unproven_s": 1.5,
    "exit_to_noticed_s": 0.0005,
    "status_over_python_start": 2,
    "rpc_p50_us": 50,
    "rpc_p50_us_10": 50,
    "rpc_p50_us_100": 50,
    "idle_cpu_s_per_min_100_waiting": 0.05,
    "idle_rss_mb_100": 45,
    "probed_cpu_s_per_min_100": 0.6,
}

AT_LEAST = {"rpc_per_s_16": 60_000}
