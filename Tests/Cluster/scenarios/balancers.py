"""One of three servers ends under load: behind Envoy, and behind nothing but the client's own round robin."""

import signal
import time

from calls import Load
from places import Envoy

from .figure import Figure

NAME = "balancers"


def run(cluster):
    ports = [server.port for server in cluster.servers]
    envoy = cluster.ending(Envoy(f"{cluster.folder}/envoy", cluster.tools, cluster.servers))
    figures = []
    for number, (words, door, how) in enumerate((
            ("SIGTERM of one of three behind Envoy", [envoy.port], signal.SIGTERM),
            ("SIGTERM of one of three, grpcio's round_robin", ports, signal.SIGTERM),
            ("kill -9 of one of three behind Envoy", [envoy.port], signal.SIGKILL))):
        server = cluster.servers[number]
        load = Load(door, cluster.token, "mnist-mlp-noise", threads=6, pause=0.001)
        time.sleep(2)
        server.end(how)
        time.sleep(2)
        load.stop()
        server.start()
        envoy.sees_all()
        failed = load.failed()
        figures.append(Figure(f"{words}: calls that failed", f"{failed or 0} of {len(load.calls)}", "0", not failed, must=True))
    cluster.end_now(envoy)
    return figures
