"""Checks include/mixnet/c_api.h: every function has its four tags, and no recorded signature changed. --update records new ones."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
HEADER = ROOT / "include" / "mixnet" / "c_api.h"
RECORD = ROOT / "tools" / "abi.txt"
TAGS = ("@own", "@threads", "@blocks", "@since")


def functions(header):
    """[(comment, one-line signature)] of every exported function."""
    found = re.findall(r"/\*\*(.*?)\*/\s*MXN_API\s+(.*?);", header, flags=re.S)
    return [(comment, " ".join(signature.split())) for comment, signature in found]


def problems(header, record):
    """Sentences about what is wrong."""
    declared = functions(header)
    found = [f"{s.split('(')[0]}: {tag} is missing" for c, s in declared for tag in TAGS if tag not in c]
    count = len(re.findall(r"^MXN_API ", header, flags=re.M))
    if count != len(declared):
        found.append(f"{count - len(declared)} functions have no comment")
    signatures = {s for _, s in declared}
    found += [f"removed or changed: {old}" for old in record if old not in signatures]
    found += [f"not recorded (run tools/check_abi.py --update): {s}" for s in sorted(signatures - set(record))]
    return found


def main():
    header = HEADER.read_text()
    if "--update" in sys.argv:
        RECORD.write_text("\n".join(sorted(s for _, s in functions(header))) + "\n")
    found = problems(header, RECORD.read_text().splitlines())
    print("\n".join(found))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
