# Serves the FastAPI application directly on any free port, whose number is its first line.
import os
import socket
import sys
import threading

import uvicorn

from app import app


def end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


listener = socket.create_server(("127.0.0.1", 0), backlog=128)
threading.Thread(target=end_with_input, daemon=True).start()
print(listener.getsockname()[1], flush=True)
config = uvicorn.Config(app, http="h11", lifespan="off", server_header=False, proxy_headers=False, log_level="critical")
uvicorn.Server(config).run(sockets=[listener])
