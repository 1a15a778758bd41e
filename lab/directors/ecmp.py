"""Compare the servers that directors choose for many flows, and the effect behind routers that spread flows.

    ecmp.py send ORDER         send a datagram of each flow to 10.0.0.100:80, from the clients' namespace; ORDER is a
                               number that selects the order of the flows
    ecmp.py figures FOLDER     print the figures, from the lists of connections (ipvsadm -Lnc) in FOLDER

A flow is a client's address and port. The choices come from the kernel. The router is computed. It hashes a flow and
picks a director either modulo the number of directors, where most flows change their director when one is missing, or
through a table of buckets, where only the missing director's buckets get another one (resilient hashing).
"""

import os
import random
import socket
import sys
import zlib

# A fixed random choice: mh adds address and port, so neighbouring flows would get the same server.
chance = random.Random(1)
FLOWS = sorted(
    {
        (f"10.9.{chance.randrange(256)}.{chance.randrange(1, 255)}", chance.randrange(1024, 65536))
        for _ in range(4000)
    }
)
DIRECTORS = 4
BUCKETS = 256


def send(order):
    flows = list(FLOWS)
    random.Random(order).shuffle(flows)
    for flow in flows:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.bind(flow)
            client.sendto(b"?", ("10.0.0.100", 80))


def choices(path):
    """Returns flow -> server, from a list of connections."""
    found = {}
    with open(path) as lines:
        for line in lines:
            words = line.split()
            if len(words) == 6 and words[0] == "UDP":
                address, port = words[3].split(":")
                found[address, int(port)] = words[5].split(":")[0]
    if not found:
        sys.exit(f"{path}: no connections")
    return found


def crc(flow):
    return zlib.crc32(f"{flow[0]}:{flow[1]}".encode())


def modulo(flow, up):
    return up[crc(flow) % len(up)]


def resilient(flow, up):
    bucket = crc(flow) % BUCKETS
    owner = bucket % DIRECTORS
    # A bucket of a missing director moves to one of the others.
    return owner if owner in up else up[(bucket // DIRECTORS) % len(up)]


def share(part, whole):
    return f"{100 * part / whole:5.1f} %"


def same(one, other, flows=FLOWS):
    """Returns the number of flows that have the same server in both."""
    return sum(1 for flow in flows if flow in one and one[flow] == other.get(flow))


def figures(folder):
    def read(name):
        return choices(os.path.join(folder, name))

    mh, twin = read("mh"), read("mh-twin")
    total = len(FLOWS)
    print(f"{total} flows, 8 servers: the choices of two kernels' tables that are the same")
    identical = same(mh, twin)
    print(f"  mh, the same rules on both                       {share(identical, total)}")
    for one, other, text in [
        ("mh", "mh-reversed", "mh, the rules in the reverse order"),
        ("mh-weights", "mh-weights-reversed", "mh, weights 1 to 8, in the reverse order"),
        ("mh", "mh-readded", "mh, a server taken away there and put back"),
    ]:
        print(f"  {text:<48} {share(same(read(one), read(other)), total)}")
    print(f"  sh, the same rules on both                       {share(same(read('sh'), read('sh-twin')), total)}")
    rr, rr_twin = read("rr"), read("rr-twin")
    print(f"  rr, the same rules on both                       {share(same(rr, rr_twin), total)}")
    print()
    print("One server of 8 goes    flows of the 7 others, same server   its own flows, another server")
    for before, after, text in [
        ("mh", "mh-gone", "mh, deleted"),
        ("mh", "mh-quiet", "mh, weight 0"),
        ("mh-fallback", "mh-fallback-quiet", "mh-fallback, weight 0"),
        ("sh", "sh-gone", "sh, deleted"),
    ]:
        old, new = read(before), read(after)
        stay = [flow for flow in FLOWS if old[flow] != "10.0.0.13"]
        own = [flow for flow in FLOWS if old[flow] == "10.0.0.13"]
        elsewhere = sum(1 for flow in own if new.get(flow, old[flow]) != old[flow])
        print(f"  {text:<22} {share(same(old, new, stay), len(stay)):<36} {share(elsewhere, len(own))}")
    gone = read("mh-gone")
    print()
    everyone = list(range(DIRECTORS))
    rest = [d for d in everyone if d != 1]
    print(f"One director of {DIRECTORS} fails: flows that come to another director, and flows that keep their server")
    print(f"  {'the router hashes':<20} {'other director':<15} {'rr, no sync':<12} {'mh, no sync':<12} {'mh, and a server went before'}")
    for hashing in modulo, resilient:
        moved = [flow for flow in FLOWS if hashing(flow, everyone) != hashing(flow, rest)]
        there = total - len(moved)
        with_rr = there + same(rr, rr_twin, moved)
        with_mh = there + same(mh, twin, moved)
        # The flows of the removed server are lost in any case.
        stay = [flow for flow in FLOWS if mh[flow] != "10.0.0.13"]
        again = sorted(set(moved) & set(stay))
        both = len(stay) - len(again) + same(mh, gone, again)
        print(
            f"  {hashing.__name__:<20} {share(len(moved), total):<15} {share(with_rr, total):<12} "
            f"{share(with_mh, total):<12} {share(both, len(stay))} of those on the 7 others"
        )
    return 0 if identical == total else 1


if sys.argv[1] == "send":
    send(int(sys.argv[2]))
else:
    sys.exit(figures(sys.argv[2]))
