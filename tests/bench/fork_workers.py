# fork_workers.py SECONDS -- a server that forks its workers from a large heap, and new ones when they have done their
# share of requests. Prints "rps N p50 MS p99 MS fork US", of requests and of os.fork in the parent.
import os, select, socket, sys, time

WORKERS, SHARE = 4, 100
data = {i: ("value %d" % i) * 20 for i in range(400000)}


def serve(connection):
    for _ in range(SHARE):
        key = int(connection.recv(64))
        answer = sorted(data[(key + i) % len(data)] for i in range(100))
        data[key] = answer[0] + "."
        connection.send(b"%d" % len(answer))


def begin_worker(forks):
    ours, theirs = socket.socketpair()
    began = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        ours.close()
        serve(theirs)
        os._exit(0)
    forks.append(time.perf_counter() - began)
    theirs.close()
    return {"pid": pid, "connection": ours, "left": SHARE, "asked": 0.0}


def main():
    forks, latencies, asked = [], [], 0
    workers = {}
    began = now = time.perf_counter()

    def ask(worker):
        nonlocal asked
        asked += 7919
        data[asked % len(data)] = "changed %d" % asked * 20
        worker["asked"] = time.perf_counter()
        worker["connection"].send(b"%d" % (asked % len(data)))

    def add():
        worker = begin_worker(forks)
        workers[worker["connection"]] = worker
        ask(worker)

    for _ in range(WORKERS):
        add()
    while now - began < float(sys.argv[1]):
        for connection in select.select(list(workers), [], [], 10)[0]:
            worker = workers[connection]
            connection.recv(64)
            now = time.perf_counter()
            latencies.append(now - worker["asked"])
            worker["left"] -= 1
            if worker["left"]:
                ask(worker)
                continue
            os.waitpid(worker["pid"], 0)
            del workers[connection]
            connection.close()
            add()
    for worker in workers.values():
        os.kill(worker["pid"], 9)
        os.waitpid(worker["pid"], 0)
    latencies.sort()
    forks.sort()
    print("rps %.1f p50 %.3f p99 %.3f fork %.1f" % (
        len(latencies) / (now - began), latencies[len(latencies) // 2] * 1e3,
        latencies[len(latencies) * 99 // 100] * 1e3, forks[len(forks) // 2] * 1e6))


main()
