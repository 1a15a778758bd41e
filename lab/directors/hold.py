"""Both ends of the connections that lab/failover counts.

    hold.py serve NAME PORT              answer every line with NAME, in the background; print the process id
    hold.py try ADDRESS PORT COUNT SECONDS
                                         open COUNT connections in turn, each to exchange a line within SECONDS;
                                         print answered=N of=N
    hold.py hold ADDRESS PORT COUNT SOURCE...
                                         keep COUNT connections, from each SOURCE in turn, that exchange a line every
                                         quarter of a second; open new connections all the time, to measure
                                         interruptions of service

`hold` reads commands from standard input and answers each with a line:

    open          open the connections, and leave them silent
    go            begin to send data over them
    mark          reset all measurements
    recount       reset what counts for survival, but keep the longest silence
    report        print survive=N of=N moved=N silence=S out=S undecided=N: connections that carried data since the
                  mark, those that moved to another server, the longest silence of a surviving connection, the longest
                  time without an answer on a new connection, and connections neither broken nor answered yet
    again         open a new connection from each source; print same=N of=N, those that got their source's last server

Times are in seconds. A connection survives when it got three answers since the mark (or recount).
"""

import os
import random
import selectors
import socket
import sys
import time

INTERVAL = 0.25
PROBE_INTERVAL = 0.1
PROBE_PATIENCE = 0.5


def serve(name, port):
    ready = selectors.DefaultSelector()
    listener = socket.create_server(("", int(port)), backlog=1024)
    ready.register(listener, selectors.EVENT_READ)
    child = os.fork()
    if child:
        print(child)
        return
    os.setsid()
    nowhere = os.open("/dev/null", os.O_RDWR)
    for descriptor in 0, 1, 2:
        os.dup2(nowhere, descriptor)
    answer = name.encode() + b"\n"
    while True:
        for key, _ in ready.select():
            if key.fileobj is listener:
                try:
                    ready.register(listener.accept()[0], selectors.EVENT_READ)
                except OSError:
                    pass
                continue
            try:
                data = key.fileobj.recv(256)
                key.fileobj.sendall(answer * data.count(b"\n"))
            except OSError:
                data = b""
            if not data:
                ready.unregister(key.fileobj)
                key.fileobj.close()


def attempt(address, port, count, seconds):
    answered = 0
    for _ in range(int(count)):
        try:
            with socket.create_connection((address, int(port)), timeout=float(seconds)) as connected:
                connected.sendall(b"?\n")
                answered += bool(connected.recv(64))
        except OSError:
            pass
    print(f"answered={answered} of={count}")


class Connection:
    """A lasting connection. `server` answered last, `first` answered before the mark."""

    def __init__(self, connected, source, due):
        self.socket, self.source, self.due = connected, source, due
        self.server = self.first = None
        self.answered = time.monotonic()
        self.waiting = self.broken = False
        self.mark()

    def mark(self):
        self.first, self.count, self.silence = self.server, 0, 0.0
        self.answered = time.monotonic()

    def send(self, now):
        if self.broken or self.waiting or now < self.due:
            return
        self.due, self.waiting = now + INTERVAL, True
        try:
            self.socket.sendall(b"?\n")
        except OSError:
            self.broken = True

    def receive(self):
        try:
            data = self.socket.recv(256)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.broken = True
            return
        now = time.monotonic()
        self.server, self.waiting = data.decode().split()[-1], False
        self.silence = max(self.silence, now - self.answered)
        self.answered = now
        self.count += 1


class Probe:
    """Opens new connections one after the other, and measures the longest time without an answer."""

    def __init__(self, address, ready):
        self.address, self.ready = address, ready
        self.open, self.due = {}, 0.0
        self.mark()

    def mark(self):
        self.answered, self.out = time.monotonic(), 0.0

    def step(self, now):
        for probe, since in list(self.open.items()):
            if now - since > PROBE_PATIENCE:
                self.close(probe)
        if now >= self.due:
            self.due = now + PROBE_INTERVAL
            probe = socket.socket()
            probe.setblocking(False)
            probe.connect_ex(self.address)
            self.open[probe] = now
            self.ready.register(probe, selectors.EVENT_WRITE, self)

    def event(self, probe, events):
        try:
            if events & selectors.EVENT_WRITE:
                probe.send(b"?\n")
                self.ready.modify(probe, selectors.EVENT_READ, self)
                return
            if probe.recv(64):
                now = time.monotonic()
                self.out = max(self.out, now - self.answered)
                self.answered = now
        except BlockingIOError:
            return
        except OSError:
            pass
        self.close(probe)

    def close(self, probe):
        if self.open.pop(probe, None) is not None:
            self.ready.unregister(probe)
            probe.close()


class Hold:
    def __init__(self, address, port, count, sources):
        self.address, self.count, self.sources = (address, int(port)), int(count), sources
        self.ready = selectors.DefaultSelector()
        self.ready.register(0, selectors.EVENT_READ)
        self.probe = Probe(self.address, self.ready)
        self.connections, self.going = [], False

    def run(self):
        text = b""
        while True:
            now = time.monotonic()
            if self.going:
                for connection in self.connections:
                    connection.send(now)
                self.probe.step(now)
            for key, events in self.ready.select(0.02):
                if key.fileobj == 0:
                    data = os.read(0, 4096)
                    if not data:
                        return
                    text += data
                elif isinstance(key.data, Connection):
                    key.data.receive()
                    if key.data.broken:
                        self.ready.unregister(key.fileobj)
                else:
                    key.data.event(key.fileobj, events)
            while b"\n" in text:
                line, _, text = text.partition(b"\n")
                print(getattr(self, "do_" + line.decode())(), flush=True)

    def connect(self, source):
        return socket.create_connection(self.address, timeout=20, source_address=(source, 0))

    def do_open(self):
        now = time.monotonic()
        for n in range(self.count):
            source = self.sources[n % len(self.sources)]
            connected = self.connect(source)
            connected.setblocking(False)
            # Random times, so that they do not send at the same moment, nor in the scheduler's order.
            connection = Connection(connected, source, now + random.uniform(0, INTERVAL))
            self.connections.append(connection)
            self.ready.register(connected, selectors.EVENT_READ, connection)
        return f"open={len(self.connections)}"

    def do_go(self):
        self.going = True
        self.probe.mark()
        return "going"

    def do_mark(self):
        for connection in self.connections:
            connection.mark()
        self.probe.mark()
        return "marked"

    def do_recount(self):
        for connection in self.connections:
            connection.count = 0
        return "counting"

    def do_report(self):
        live = [c for c in self.connections if not c.broken and c.count >= 3]
        moved = sum(1 for c in live if c.first and c.first != c.server)
        silence = max((c.silence for c in live), default=0.0)
        # An interruption that still lasts counts too.
        out = max(self.probe.out, time.monotonic() - self.probe.answered)
        # A connection neither broken nor answered may still survive.
        undecided = sum(1 for c in self.connections if not c.broken) - len(live)
        return (
            f"survive={len(live)} of={len(self.connections)} moved={moved} "
            f"silence={silence:.1f} out={out:.1f} undecided={undecided}"
        )

    def do_again(self):
        had = {c.source: c.server for c in self.connections if c.server}
        same = 0
        sources = list(had.items())
        random.shuffle(sources)
        for source, server in sources:
            try:
                with self.connect(source) as connected:
                    connected.sendall(b"?\n")
                    same += connected.recv(64).decode().strip() == server
            except OSError:
                pass
        return f"same={same} of={len(had)}"


if sys.argv[1] == "serve":
    serve(sys.argv[2], sys.argv[3])
elif sys.argv[1] == "try":
    attempt(*sys.argv[2:])
else:
    Hold(sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:]).run()
