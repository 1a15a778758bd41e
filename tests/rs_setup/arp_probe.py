"""Send an ARP request for an address on eth0 every few milliseconds, until standard input ends.

Arguments: the address, and the sender's own. Prints the number of requests, and the answers of each MAC address.
"""
import collections, select, socket, struct, sys, time

PROTOCOL = 0x0806
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(PROTOCOL))
link.bind(("eth0", PROTOCOL))
mac = link.getsockname()[4]
asked = socket.inet_aton(sys.argv[1])
own = socket.inet_aton(sys.argv[2])
packet = b"\xff" * 6 + mac + struct.pack("!HHHBBH", PROTOCOL, 1, 0x0800, 6, 4, 1) + mac + own + b"\0" * 6 + asked
answers = collections.Counter()
count = 0
print("ready", flush=True)
while True:
    link.send(packet)
    count += 1
    end = time.monotonic() + 0.004
    while (left := end - time.monotonic()) > 0:
        readable, _, _ = select.select([link, sys.stdin], [], [], left)
        if link in readable:
            reply = link.recv(100)
            if reply[20:22] == b"\0\2" and reply[28:32] == asked:
                answers[reply[22:28].hex(":")] += 1
        if sys.stdin in readable and not sys.stdin.readline():
            print("asked", count)
            for answered, times in sorted(answers.items()):
                print(answered, times)
            sys.exit()
