"""What the daemon decides, as pure functions. Start reading at `supervision.py`.

Not here: sockets, files, processes and clocks; the modules above this folder are the hands.
"""
