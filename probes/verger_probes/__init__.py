"""The ground floor: what every Verger process needs and that depends on nobody.

Not here: anything that knows what a playbook, a run or a daemon is.
"""
