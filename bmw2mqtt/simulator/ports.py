"""Ports that stay with whoever asked for them, whatever other programs open meanwhile."""

import socket
import sys
import weakref


def reserve_port(owner: object, host: str = "127.0.0.1") -> int:
    """Return a free port that the system gives to nobody else while `owner` lives.

    A server can listen on it, and again after it was stopped; until then connections are refused.
    Only Linux lets a server share it with the reservation: elsewhere it is merely free now.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind((host, 0))
    port = int(holder.getsockname()[1])
    if sys.platform == "linux":
        weakref.finalize(owner, holder.close)
    else:
        holder.close()
    return port
