"""Checks the headers under include/mixnet: every function has its four tags, and no recorded signature was removed or changed.

The record is tools/abi/VERSION.txt, one file per release; every one of them must still hold. --update adds functions that
are new to the newest record and refuses to take any away: that needs a new major version and an edit of the record by hand.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
HEADERS = [ROOT / "include" / "mixnet" / name for name in ("c_predict.h", "c_api.h")]
RECORDS = ROOT / "tools" / "abi"
TAGS = ("@own", "@threads", "@blocks", "@since")
MOST = 185  # 175 until iterators came, 180 until kernels from source


def functions(header):
    """[(its own comment, one-line signature)] of every exported function; the comment is empty where none stands before it."""
    found = re.findall(r"(?:/\*\*((?:(?!\*/).)*)\*/\s*)?^MXN_API\s+([^;]*);", header, flags=re.S | re.M)
    return [(comment, " ".join(signature.split())) for comment, signature in found]


def unexported(header):
    """Names of functions declared without MXN_API."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    statements = [" ".join(part.split()) for part in re.split(r"[;{}]", text)]
    named = [(s, re.search(r"(?<!\(\*)\b(mxn_\w+)\s*\(", s)) for s in statements if "typedef" not in s]
    return [name[1] for statement, name in named if name and "MXN_API " not in statement]


def removed(header, record):
    """Recorded signatures that the header does not have any more."""
    declared = {signature for _, signature in functions(header)}
    return [old for old in record if old not in declared]


def problems(header, record):
    """Sentences about what is wrong."""
    declared = functions(header)
    found = []
    for comment, signature in declared:
        name = signature.split("(")[0]
        if not comment:
            found.append(f"{name}: has no comment")
        else:
            found += [f"{name}: {tag} is missing" for tag in TAGS if not re.search(tag + r"\s+\w", comment)]
    found += [f"{name}: is declared without MXN_API" for name in unexported(header)]
    found += [f"removed or changed: {old}" for old in removed(header, record)]
    new = sorted({signature for _, signature in declared} - set(record))
    found += [f"not recorded (run tools/check_abi.py --update): {signature}" for signature in new]
    if len(declared) > MOST:
        found.append(f"{len(declared)} functions, expected at most {MOST}")
    return found


def release(path):
    return [int(part) for part in path.stem.split(".")]


def main():
    header = "".join(path.read_text() for path in HEADERS)
    paths = sorted(RECORDS.glob("*.txt"), key=release)
    record = sorted({line for path in paths for line in path.read_text().splitlines() if line})
    gone = removed(header, record)
    if "--update" in sys.argv and not gone:
        known = {line for path in paths[:-1] for line in path.read_text().splitlines()}
        record = sorted({signature for _, signature in functions(header)})
        paths[-1].write_text("\n".join(line for line in record if line not in known) + "\n")
    found = problems(header, record)
    if found:
        print("\n".join(found))
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
