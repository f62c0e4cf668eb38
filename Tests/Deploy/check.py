"""Holds the files of deploy/ against the programs and schemas that they are for. Run by scripts/check-deploy.

Every file must be taken, and must be refused once the name of one of its fields is wrong: a check that takes everything shows nothing.
"""

import copy
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import jsonschema
import kubernetes_validate
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
# The oldest that is held and the newest that the package has.
KUBERNETES = ["1.29", "1.37"]
# Maps whose keys are the writer's own.
FREE = {"labels", "annotations", "matchLabels", "nodeSelector", "data", "selector", "limits", "requests"}
faults: list[str] = []
skipped: list[str] = []


def fault(path: pathlib.Path, words: str) -> None:
    faults.append(f"{path.relative_to(ROOT)}: {words}")


def documents(path: pathlib.Path) -> list[dict]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document is not None]


def mutations(value, isolated: bool = False):
    """Copies of a document, each with one name of a field that is wrong, and that name."""
    if isinstance(value, dict):
        for key in list(value):
            if not isolated:
                changed = {(f"{name}Wrong" if name == key else name): held for name, held in value.items()}
                yield key, changed
            inner = key in FREE and isinstance(value[key], dict) and not set(value[key]) <= {"matchLabels"}
            for name, held in mutations(value[key], inner):
                yield name, {**value, key: held}
    elif isinstance(value, list):
        for at, item in enumerate(value):
            for name, held in mutations(item):
                yield name, value[:at] + [held] + value[at + 1 :]


def is_valid(check, document) -> bool:
    try:
        check(document)
        return True
    except Exception:  # Each of the checkers has its own kinds of errors.
        return False


def hold(path: pathlib.Path, document, check, what: str) -> None:
    """A document is taken, and none of its mutations is."""
    try:
        check(document)
    except Exception as error:
        return fault(path, f"refused as {what}: {error}")
    taken = [name for name, changed in mutations(document) if is_valid(check, changed)]
    if taken:
        fault(path, f"taken as {what} with a wrong name for {', '.join(sorted(set(taken)))}")


# Kubernetes


def kubernetes(document) -> None:
    for version in KUBERNETES:
        kubernetes_validate.validate(document, version, strict=True)


def kustomization(document) -> None:
    known = {"apiVersion", "kind", "resources", "labels", "images"}
    if set(document) - known or document["kind"] != "Kustomization":
        raise ValueError(f"unknown: {set(document) - known}")
    for labels in document.get("labels", []):
        if set(labels) - {"pairs", "includeSelectors", "includeTemplates"} or not labels["pairs"]:
            raise ValueError(f"labels: {labels}")
        if not all(re.fullmatch(r"[a-z.]+/[a-z]+", name) for name in labels["pairs"]):
            raise ValueError(f"labels: {labels}")
    for image in document.get("images", []):
        if set(image) != {"name", "newName", "newTag"}:
            raise ValueError(f"images: {image}")
    if document["apiVersion"] != "kustomize.config.k8s.io/v1beta1" or not document["resources"]:
        raise ValueError("no resources")


def check_kubernetes() -> None:
    for folder in sorted(path.parent for path in (DEPLOY / "kubernetes").glob("*/kustomization.yaml")):
        base = folder / "kustomization.yaml"
        (listed,) = documents(base)
        hold(base, listed, kustomization, "a kustomization")
        files = {path.name for path in folder.glob("*.yaml")} - {base.name}
        if files != set(listed["resources"]):
            fault(base, f"lists {sorted(listed['resources'])}, and there are {sorted(files)}")
        found = [(folder / name, document) for name in listed["resources"] for document in documents(folder / name)]
        for path, document in found:
            hold(path, document, kubernetes, f"a {document['kind']}")
        check_names(base, [document for _, document in found], {image["name"] for image in listed.get("images", [])})


def pods(document: dict):
    """The template of a workload's pods."""
    template = document.get("spec", {}).get("template")
    return [template] if isinstance(template, dict) and "spec" in template else []


def check_names(base: pathlib.Path, all_documents: list[dict], images: set[str]) -> None:
    """Names that one document has of another are there."""
    names = {(document["kind"], document["metadata"]["name"]) for document in all_documents}
    templates = [(document, template) for document in all_documents for template in pods(document)]
    for document, template in templates:
        volumes = {volume["name"] for volume in template["spec"].get("volumes", [])}
        for container in template["spec"]["containers"]:
            if container["image"] not in images:
                fault(base, f"names no image '{container['image']}'")
            if wrong := {mount["name"] for mount in container.get("volumeMounts", [])} ^ volumes:
                fault(base, f"volumes that are not mounted, or mounts of none: {sorted(wrong)}")
            for source in container.get("envFrom", []):
                name = source.get("configMapRef", {}).get("name")
                if name and ("ConfigMap", name) not in names:
                    fault(base, f"no ConfigMap '{name}'")
        for volume in template["spec"].get("volumes", []):
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            if claim and ("PersistentVolumeClaim", claim) not in names:
                fault(base, f"no claim '{claim}'")
        selector = document["spec"].get("selector", {}).get("matchLabels")
        if selector and not selector.items() <= template["metadata"]["labels"].items():
            fault(base, f"{document['kind']} selects {selector}, which its own pods are not")
    for document in all_documents:
        kind, spec = document["kind"], document.get("spec", {})
        if kind in ("Service", "PodDisruptionBudget"):
            selector = spec["selector"] if kind == "Service" else spec["selector"]["matchLabels"]
            chosen = [template for _, template in templates if selector.items() <= template["metadata"]["labels"].items()]
            if not chosen:
                fault(base, f"{kind} '{document['metadata']['name']}' selects no pods")
            ports = {p["name"] for t in chosen for c in t["spec"]["containers"] for p in c.get("ports", [])}
            for port in spec.get("ports", []):
                if port["targetPort"] not in ports:
                    fault(base, f"no pod has the port '{port['targetPort']}'")
        if kind == "HorizontalPodAutoscaler":
            target = spec["scaleTargetRef"]
            if (target["kind"], target["name"]) not in names:
                fault(base, f"no {target['kind']} '{target['name']}'")


# KServe, Compose: schemas of our own beside this file


def schema(name: str):
    return json.loads((pathlib.Path(__file__).parent / name).read_text())


def check_kserve() -> None:
    kinds = schema("kserve.schema.json")
    for path in sorted((DEPLOY / "kserve").glob("*.yaml")):
        for document in documents(path):
            validator = jsonschema.Draft202012Validator(kinds[document["kind"]])
            shell = copy.deepcopy(document)
            containers = shell["spec"].get("containers")
            if containers is not None:
                pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": containers}}
                hold(path, pod, kubernetes, "containers")
                shell["spec"]["containers"] = [{}]
            hold(path, shell, validator.validate, f"a {document['kind']}")


def check_compose() -> None:
    path = DEPLOY / "compose" / "compose.yml"
    (document,) = documents(path)
    document = {key: value for key, value in document.items() if not key.startswith("x-")}
    validator = jsonschema.Draft202012Validator(schema("compose.schema.json"))
    try:
        validator.validate(document)
    except jsonschema.ValidationError as error:
        return fault(path, f"refused: {error.message}")
    services = document["services"]
    for name, service in services.items():
        for other in service.get("depends_on", []):
            if other not in services:
                fault(path, f"{name} depends on '{other}', which is not there")
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            there = (path.parent / source).exists() if source.startswith(".") else source in document["volumes"]
            if not there:
                fault(path, f"{name} mounts '{source}', which is not there")
        # Wrong names within a service; names of services and of variables are the writer's own.
        for key in service:
            changed = copy.deepcopy(document)
            changed["services"][name][f"{key}Wrong"] = changed["services"][name].pop(key)
            if is_valid(validator.validate, changed):
                fault(path, f"taken with a wrong name for {name}.{key}")
    json.loads((path.parent / "s3.json").read_text())


# Programs that check their own files


def run(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run(words, capture_output=True, text=True, timeout=120)


def check_program(name: str, path: pathlib.Path, command, directives: list[str]) -> None:
    """A program takes a file, and refuses it with any of these directives misspelled."""
    text = path.read_text()
    with tempfile.TemporaryDirectory() as folder:
        copied = pathlib.Path(folder) / path.name

        def answer(content: str) -> subprocess.CompletedProcess:
            copied.write_text(content)
            return run(*command(str(copied)))

        result = answer(text)
        if result.returncode != 0:
            return fault(path, f"refused by {name}: {(result.stderr or result.stdout).strip()[-600:]}")
        for directive in directives:
            if len(re.findall(rf"(?<![\w-]){re.escape(directive)}(?![\w-])", text)) == 0:
                fault(path, f"has no {directive}: the check of it shows nothing")
            elif answer(re.sub(rf"(?<![\w-]){re.escape(directive)}(?![\w-])", f"{directive}_wrong", text)).returncode == 0:
                fault(path, f"taken by {name} with a wrong name for {directive}")


def check_balancers() -> None:
    envoy = pathlib.Path(sys.executable).parent / "envoy"
    four = ["no_traffic_interval", "max_retries", "retry_host_predicate", "retry_on"]
    if envoy.exists():
        for path in (DEPLOY / "envoy" / "envoy.yaml", DEPLOY / "compose" / "envoy.yaml"):
            check_program("Envoy", path, lambda file: [str(envoy), "--mode", "validate", "-c", file], four + ["grpc_health_check"])
    else:
        skipped.append("Envoy's own check")
    if nginx := shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"):
        check_program(
            "nginx", DEPLOY / "nginx" / "nginx.conf", lambda file: [nginx, "-t", "-c", file],
            ["grpc_pass", "grpc_next_upstream", "fail_timeout", "client_max_body_size"])
    else:
        skipped.append("nginx -t")
    if haproxy := shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"):
        check_program(
            "HAProxy", DEPLOY / "haproxy" / "haproxy.cfg", lambda file: [haproxy, "-c", "-f", file],
            ["retry-on", "httpchk", "check-proto", "leastconn", "redispatch"])
    else:
        skipped.append("haproxy -c")


# Slurm

SBATCH = {"job-name", "array", "cpus-per-task", "mem", "time", "output", "constraint", "signal"}


def check_slurm() -> None:
    for path in sorted((DEPLOY / "slurm").glob("*.sh")):
        text = path.read_text()
        if (result := run("bash", "-n", str(path))).returncode != 0:
            fault(path, result.stderr.strip())
        for option in re.findall(r"^#+SBATCH --([\w-]+)", text, re.MULTILINE):
            if option not in SBATCH:
                fault(path, f"sbatch has no --{option}, or it is to be added to check.py")
        # sbatch reads its options above the first command only.
        body = text[text.index("set -euo pipefail") :]
        if "#SBATCH" in body:
            fault(path, "an option of sbatch behind the first command is not read")


# Our own program


def commands():
    """Every line in which dither is called, with its words."""
    for path in sorted(DEPLOY.rglob("*")):
        if path.suffix == ".sh":
            for line in path.read_text().splitlines():
                if match := re.match(r"\s*exec (dither .*)", line):
                    yield path, match.group(1).split()
        elif path.suffix in (".yaml", ".yml"):
            for document in documents(path):
                yield from containers_of(path, document)


def containers_of(path, value):
    if isinstance(value, dict):
        words = value.get("args") if "dither" in str(value.get("image", "")) else None
        words = words or (value.get("command") if str(value.get("image", "")).endswith("dither") else None)
        if words and words[0] == "/bin/sh":
            yield path, words[2].replace("exec ", "").split()
        elif words and words[0] in ("serve", "work"):
            yield path, ["dither"] + words
        for held in value.values():
            yield from containers_of(path, held)
    elif isinstance(value, list):
        for held in value:
            yield from containers_of(path, held)


def check_commands(program: str | None) -> None:
    found = list(commands())
    if len(found) < 6:
        faults.append(f"deploy/: {len(found)} calls of dither were found; the check reads otherwise than they are written")
    if program is None:
        skipped.append("dither's own commands and flags (name the program)")
        return
    for path, words in found:
        result = run(program, words[1], "--help")
        if result.returncode != 0 or f"dither {words[1]}" not in result.stdout:
            fault(path, f"dither has no command '{words[1]}'")
            continue
        known = set(re.findall(r"--[a-z][a-z-]*", result.stdout))
        for word in words[2:]:
            if (flag := re.match(r"--[a-z][a-z-]*", word)) and flag.group() not in known:
                fault(path, f"dither {words[1]} has no {flag.group()}")


def main() -> None:
    check_kubernetes()
    check_kserve()
    check_compose()
    check_balancers()
    check_slurm()
    check_commands(sys.argv[1] if len(sys.argv) > 1 else None)
    for what in skipped:
        print(f"skipped: {what}")
    if faults:
        print("\n".join(faults))
        sys.exit(f"check-deploy: {len(faults)} faults")
    print("deploy/: every file is taken as it is, and refused with a wrong name in it")


if __name__ == "__main__":
    main()
