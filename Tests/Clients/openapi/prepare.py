"""Makes an audit that can be watched and prints its name: `prepare.py MODEL FILE`. FILE gets the server's document with errors in the place of the
messages of streams, which no stream keeps."""

import base64
import json
import math
import os
import sys
import urllib.request

model, path = sys.argv[1:]
base = f"http://{os.environ['DITHER_HTTP']}/v1/"
bearer = {"authorization": f"Bearer {os.environ['DITHER_TOKEN']}"}


def ask(name, message=None):
    body = None if message is None else json.dumps(message).encode()
    with urllib.request.urlopen(urllib.request.Request(base + name, body, bearer), timeout=60) as answer:
        return answer.read().decode()


document = json.loads(ask("openapi.json"))
changed = 0
for item in document["paths"].values():
    for operation in item.values():
        for content in operation["responses"]["200"]["content"].values():
            for kind in content["schema"].get("anyOf", []):
                if kind["properties"]["event"]["const"] == "message":
                    kind["properties"]["data"]["contentSchema"] = {"$ref": "#/components/schemas/Error"}
                    changed += 1
assert changed > 0, "the document has no stream of events"
with open(path, "w") as file:
    json.dump(document, file)

shape = json.loads(ask("Registry/GetModel", {"model": model}))["signature"]["input_shape"][1:]
zeros = base64.b64encode(bytes(2 * 4 * math.prod(map(int, shape)))).decode()
events = ask(
    "Robustness/Audit",
    {
        "model": model,
        "samples": 2,
        "seed": "1",
        "probes": [{"probe": "clean"}],
        "examples": {"inputs": {"type": "FLOAT32", "shape": ["2", *shape], "data": zeros}, "labels": [0, 1]},
    },
)
first = next(line for line in events.splitlines() if line.startswith("data: "))
print(json.loads(first[len("data: ") :])["state"]["audit"])
