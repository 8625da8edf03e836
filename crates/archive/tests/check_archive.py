"""Reads an archive with Python's own zipfile, csv, json and hashlib, and compares it with what was written.

Usage: check_archive.py ARCHIVE.zip EXPECTED.json
EXPECTED: {"path.csv": [[cell, ...], ...], "path.json": value, ...}
"""
import csv
import hashlib
import io
import json
import sys
import zipfile

csv.field_size_limit(1 << 30)
archive = zipfile.ZipFile(sys.argv[1])
assert archive.testzip() is None
names = archive.namelist()
assert len(names) == len(set(name.lower() for name in names)), "names that differ in case only"
for name in names:
    parts = name.split("/")
    assert not name.startswith("/") and ".." not in parts and "\\" not in name and "\0" not in name, name

for name, expected in json.load(open(sys.argv[2], encoding="utf-8")).items():
    data = archive.read(name)
    if name.endswith(".csv"):
        found = list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))
    else:
        found = json.loads(data)
    assert found == expected, f"{name}:\n{found!r}\n{expected!r}"

package = json.loads(archive.read("datapackage.json"))
described = {}
for resource in package["resources"]:
    data = archive.read(resource["path"])
    assert resource["bytes"] == len(data), resource["path"]
    assert resource["hash"] == "sha256:" + hashlib.sha256(data).hexdigest(), resource["path"]
    assert resource["name"] not in described, resource["name"]
    described[resource["name"]] = resource["path"]
assert set(described.values()) | {"datapackage.json"} == set(names), "entries that are not described"
print(len(names), "entries")
