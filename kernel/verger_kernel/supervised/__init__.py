"""A kernel that a daemon started: it answers challenges from its main thread while the command works in another.

Not here: the lines themselves (`verger_probes.rules.probe`), and asking (the daemon).
"""
