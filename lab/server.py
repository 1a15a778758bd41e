"""A server that answers with its name and closes: server.py NAME PORT [tcp|http]

It listens on all IPv4 and IPv6 addresses. It returns once it listens: the server continues in the background, and
its process id is printed. So the caller can connect at once.
"""

import os
import socket
import sys
import threading

name, port, how = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def answer(connection):
    with connection:
        try:
            connection.settimeout(10)
            text = name + "\n"
            if how == "http":
                request = b""
                while b"\r\n\r\n" not in request and b"\n\n" not in request:
                    part = connection.recv(4096)
                    if not part:  # the client only checked that the port is open
                        return
                    request += part
                text = (
                    "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n"
                    f"Content-Length: {len(text)}\r\n\r\n{text}"
                )
            connection.sendall(text.encode())
        except OSError:  # the client closed the connection
            pass


listener = socket.create_server(
    ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128
)
child = os.fork()
if child:
    print(child)
    sys.exit()
os.setsid()
nowhere = os.open("/dev/null", os.O_RDWR)
for descriptor in 0, 1, 2:
    os.dup2(nowhere, descriptor)
while True:
    threading.Thread(target=answer, args=[listener.accept()[0]], daemon=True).start()
