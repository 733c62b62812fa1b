"""A plug-in of one file: a table with a JSON object per line."""

import json


def read(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or not lines[0].startswith("{"):
        return None
    objects = [json.loads(line) for line in lines if line.strip()]
    names = list(objects[0])
    return [names, *([each.get(name, "") for name in names] for each in objects)]


TABLE_READERS = {"JSON, one object per line": read}
