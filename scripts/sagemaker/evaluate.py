"""Evaluation script, run as a SageMaker processing job: candidate and champion on the same test split.

Each model archive brings its own code/inference.py, so a champion from another training script is asked in its
own way, with the packages of its own code/requirements.txt: a processing job installs none by itself, unlike
training and serving. Writes predictions.jsonl (paired, a line per sample) and evaluation.json.
"""

import argparse
import glob
import importlib.metadata
import importlib.util
import json
import math
import os
import re
import subprocess
import sys
import tarfile
import tempfile


def main():
    arguments = parse()
    rows = read_tests(arguments.test)
    candidate = answers(arguments.candidate, rows, arguments.payloads)
    champion, trouble = None, None
    if arguments.champion:
        try:
            champion = answers(arguments.champion, rows, arguments.payloads)
        except Exception as error:  # a champion that cannot be asked must not stop its successor
            trouble = "%s: %s" % (type(error).__name__, error)
            print("the champion cannot be evaluated:", trouble, file=sys.stderr)
    write(arguments.output, rows, candidate, champion, trouble)


def parse():
    parser = argparse.ArgumentParser()
    for name in ("candidate", "test", "payloads", "output"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--champion")
    return parser.parse_args()


def read_tests(folder):
    rows = []
    for path in sorted(glob.glob(os.path.join(folder, "*.manifest"))):
        with open(path, encoding="utf-8") as handle:
            for number, line in enumerate(handle, start=1):
                if line.strip():
                    rows.append(parse_line(line, path, number))
    if not rows:
        sys.exit("the test split in %s is empty" % folder)
    return rows


def parse_line(line, path, number):
    try:
        row = json.loads(line)
        row["truth"] = str(row["label-metadata"]["class-name"])
        return row
    except (ValueError, KeyError, TypeError) as error:
        return sys.exit("%s line %d: %r" % (os.path.basename(path), number, error))


def answers(folder, rows, payloads):
    """What a model says of each row: (label, probability of it, probability of the truth)."""
    module, model = load(os.path.join(folder, "model.tar.gz"))
    return [ask(module, model, row, payloads) for row in rows]


def load(archive):
    target = tempfile.mkdtemp()
    with tarfile.open(archive) as bundle:
        if hasattr(tarfile, "data_filter"):
            bundle.extractall(target, filter="data")
        else:
            bundle.extractall(target, members=[each for each in bundle if is_plain(each)])
    install(os.path.join(target, "code", "requirements.txt"))
    name = "inference_" + os.path.basename(target)
    spec = importlib.util.spec_from_file_location(name, os.path.join(target, "code", "inference.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, module.model_fn(target)


def install(requirements):
    """Ends the job when pip cannot install what a model needs, as without a network."""
    if not os.path.isfile(requirements):
        return
    with open(requirements, encoding="utf-8") as handle:
        lines = [line.partition("#")[0].strip() for line in handle]
    if all(is_installed(line) for line in lines if line):
        return
    done = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "-r", requirements], check=False)
    if done.returncode != 0:
        sys.exit("cannot install the requirements of a model: %s" % ", ".join(filter(None, lines)))


def is_installed(requirement):
    """Whether the package is there; of versions, only an exact pin is compared, anything else is left to pip."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    rest = requirement[name.end() :].strip() if name else requirement
    if not name or (rest and not re.fullmatch(r"==\s*[0-9][0-9A-Za-z.]*", rest)):
        return False
    try:
        return rest.lstrip("= ") in ("", importlib.metadata.version(name.group()))
    except importlib.metadata.PackageNotFoundError:
        return False


def is_plain(member):
    inside = not member.name.startswith("/") and ".." not in member.name.split("/")
    return inside and (member.isfile() or member.isdir())


def ask(module, model, row, payloads):
    body, content_type = payload(row, payloads)
    said = module.output_fn(module.predict_fn(module.input_fn(body, content_type), model), "application/json")
    document = json.loads(said[0] if isinstance(said, tuple) else said)
    chances = dict(zip([str(each) for each in document["labels"]], document["probabilities"]))
    label = str(document["predicted_label"])
    return label, chances.get(label, 0.0), chances.get(row["truth"], 0.0)


def payload(row, payloads):
    if "source" in row:
        return row["source"].encode(), "text/plain"
    parts = row["source-ref"].split("/")
    for count in range(1, len(parts)):
        path = os.path.join(payloads, *parts[-count:])
        if os.path.isfile(path):
            with open(path, "rb") as handle:
                return handle.read(), row.get("content-type", "image/png")
    return sys.exit("payload %s is not in the channel" % row["source-ref"])


def write(folder, rows, candidate, champion, trouble):
    with open(os.path.join(folder, "predictions.jsonl"), "w") as handle:
        for index, row in enumerate(rows):
            line = {
                "sample": row.get("trueup-sample", row.get("source-ref")),
                "label": row["truth"],
                "annotators": row.get("trueup-annotators", []),
                "candidate": {"label": candidate[index][0], "probability": candidate[index][1]},
                "champion": None,
            }
            if champion:
                line["champion"] = {"label": champion[index][0], "probability": champion[index][1]}
            handle.write(json.dumps(line, sort_keys=True) + "\n")
    truths = [row["truth"] for row in rows]
    report = {
        "samples": len(rows),
        "classes": sorted(set(truths)),
        "candidate": figures(truths, candidate),
        "champion": figures(truths, champion) if champion else None,
        "champion_error": trouble,
    }
    with open(os.path.join(folder, "evaluation.json"), "w") as handle:
        json.dump(report, handle, indent=1, sort_keys=True)


def figures(truths, said):
    per_class = {}
    for name in sorted(set(truths)):
        chosen = [truth for truth, answer in zip(truths, said) if answer[0] == name]
        support = truths.count(name)
        hits = chosen.count(name)
        per_class[name] = {
            "precision": hits / len(chosen) if chosen else 0.0,
            "recall": hits / support,
            "support": support,
        }
    right = sum(answer[0] == truth for truth, answer in zip(truths, said))
    loss = -sum(math.log(max(answer[2], 1e-15)) for answer in said) / len(said)
    return {"accuracy": right / len(said), "log_loss": loss, "per_class": per_class}


if __name__ == "__main__":
    main()
