"""The protocol of the daemon without any socket: JSON-RPC 2.0, one message a line. Start reading at `session.py`.

Not here: sockets and time (`server.py`), who may ask (`peers.py`), and what the methods do.
"""
