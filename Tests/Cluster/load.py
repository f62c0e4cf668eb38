"""Predictions from some threads, each call at once when the last was answered and a pause is over: JSON of them at the end."""

import json
import sys
import threading
import time

import grpc
from calls import Caller, pictures
from dither import _methods as methods
from dither._stubs import inference_pb2


def main():
    wanted = json.loads(sys.argv[1])
    caller = Caller(wanted["ports"], wanted["token"])
    request = inference_pb2.PredictRequest(model=wanted["model"], input=pictures(1), samples=4, seed=1)
    calls, stop = [], threading.Event()
    caller(methods.PREDICT, request)

    def run():
        while not stop.is_set():
            begin = time.monotonic()
            try:
                caller(methods.PREDICT, request)
                status = "OK"
            except grpc.RpcError as error:
                status = f"{error.code().name}: {error.details()}"[:200]
            calls.append((begin, time.monotonic() - begin, status))
            time.sleep(wanted["pause"])

    threads = [threading.Thread(target=run) for _ in range(wanted["threads"])]
    for thread in threads:
        thread.start()
    print("begun", flush=True)
    sys.stdin.readline()
    stop.set()
    for thread in threads:
        thread.join()
    json.dump(calls, sys.stdout)


main()
