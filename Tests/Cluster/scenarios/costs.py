"""The start and the memory of a server with a database and a bucket, against one with neither."""

from calls import quantile
from places import Server

from .figure import Figure

NAME = "costs"
STARTS = 5


def run(cluster):
    found = {}
    for words, options in (("alone", {"--database": None, "--blobs": None}), ("shared", {})):
        server = cluster.ending(Server(cluster, f"cost-{words}", **options))
        server.start()
        server.end()
        starts, sizes = [], []
        for _ in range(STARTS):
            starts.append(1000 * server.start())
            sizes.append(server.memory())
            server.end()
        cluster.end_now(server)
        found[words] = (quantile(starts, 0.5), quantile(sizes, 0.5))
    later, larger = (found["shared"][place] - found["alone"][place] for place in (0, 1))
    return [
        Figure("start with both, against neither", f"+{later:.0f} ms ({found['alone'][0]:.0f} ms)", "+25 ms", later <= 25),
        Figure("memory with both, against neither", f"+{larger:.1f} MiB ({found['alone'][1]:.1f} MiB)", "+10 MB",
               larger <= 10 / 1.048576),
    ]
