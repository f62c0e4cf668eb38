"""Asks one server again and again where an alias points: a line with the moment and the version at each change."""

import json
import sys
import time

import grpc
from calls import Caller


def main():
    wanted = json.loads(sys.argv[1])
    caller, known = Caller([wanted["port"]], wanted["token"]), None
    while True:
        try:
            version = caller.model(wanted["reference"]).version
        except grpc.RpcError:
            time.sleep(0.05)
            continue
        if version != known:
            known = version
            print(time.monotonic(), version, flush=True)
        time.sleep(wanted["pause"])


main()
