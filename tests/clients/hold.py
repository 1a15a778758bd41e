"""Connections that stay open and carry data.

    hold.py serve PORT...                 echo every byte, in the background
    hold.py hold ADDRESS COUNT PORT...    open COUNT connections to each port, then create the file `ready`; exchange
                                          bytes over all of them until the file `stop` exists; then print a line for
                                          each port, with the number of connections that still carry data
"""

import os
import selectors
import socket
import sys


def serve(ports):
    ready = selectors.DefaultSelector()
    listeners = []
    for port in ports:
        listener = socket.create_server(("", int(port)), backlog=256)
        listeners.append(listener)
        ready.register(listener, selectors.EVENT_READ)
    if os.fork():
        os._exit(0)
    os.setsid()
    nowhere = os.open("/dev/null", os.O_RDWR)
    for descriptor in 0, 1, 2:
        os.dup2(nowhere, descriptor)
    while True:
        for key, _ in ready.select():
            if key.fileobj in listeners:
                ready.register(key.fileobj.accept()[0], selectors.EVENT_READ)
                continue
            try:
                data = key.fileobj.recv(64)
                key.fileobj.sendall(data)
            except OSError:
                data = b""
            if not data:
                ready.unregister(key.fileobj)
                key.fileobj.close()


def hold(address, count, ports):
    alive = {port: [] for port in ports}
    for port in ports:
        for _ in range(int(count)):
            alive[port].append(socket.create_connection((address, int(port)), timeout=5))
    open("ready", "w").close()
    last = False
    while not last:
        last = os.path.exists("stop")
        for port in ports:
            kept = []
            for connection in alive[port]:
                try:
                    connection.sendall(b"x")
                    if connection.recv(1) == b"x":
                        kept.append(connection)
                except OSError:
                    pass
            alive[port] = kept
    for port in ports:
        print(port, len(alive[port]))


if sys.argv[1] == "serve":
    serve(sys.argv[2:])
else:
    hold(sys.argv[2], sys.argv[3], sys.argv[4:])
