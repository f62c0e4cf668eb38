"""Each call is let in for its role and for admin, and for nobody else: 403 to a known caller, 401 to an unknown one."""

import json

from support import Server, need

OPEN_TO_ANY = {
    f"Registry/{name}" for name in ("ListModels", "GetModel", "Drift", "ListRevisions", "ListRollouts")
}
ROLES = {
    "predict": ["Inference/Predict"],
    "publish": [
        f"Registry/{name}"
        for name in (
            "GetUpload",
            "SetAlias",
            "Calibrate",
            "RemoveModel",
            "RestoreModel",
            "ListRemovedModels",
            "SetRollout",
            "EndRollout",
            "SignModel",
            "DescribeModel",
            "Download",
        )
    ],
    "admin": ["Registry/ListTrail"],
    "audit": ["Registry/ListReplicas"]
    + [
        f"Robustness/{name}"
        for name in (
            "Audit",
            "WatchAudit",
            "CancelAudit",
            "ListAudits",
            "GetReport",
            "GetAdversarials",
            "PlanAudit",
            "Corrupt",
            "ListProbes",
        )
    ],
}


def check() -> str:
    with Server() as server:
        document = json.loads(server.ask("/v1/openapi.json", token="")[1])
        calls = {path.removeprefix("/v1/") for path in document["paths"]}
        known = OPEN_TO_ANY.union(*ROLES.values())
        tokens = {role: server.token_of(f"of-{role}", role) for role in ROLES}
        tokens |= {"nobody": "", "wrong": "dither_wrong"}
        wrong, checks = [], 0
        for call in sorted(calls & known):
            need_role = next((role for role, own in ROLES.items() if call in own), None)
            for who, token in tokens.items():
                status = server.ask(f"/v1/{call}", {"": 0}, token)[0]
                if who in ("nobody", "wrong"):
                    right = status in (401, 429)
                elif need_role is None or who in ("admin", need_role):
                    right = status == 400
                else:
                    right = status == 403
                checks += 1
                if not right:
                    wrong.append(f"{call} as {who}: {status}")
        need(not wrong, "; ".join(wrong))
        need(calls == known, f"the table and the server differ in {', '.join(sorted(calls ^ known))}")
        return f"{checks} checks of {len(calls)} calls"
