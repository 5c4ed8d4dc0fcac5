"""One module a command of `verger-kernel`."""
