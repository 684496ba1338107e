"""Reading the .txt files of this folder: cases as lists of words, one list per line."""

import pathlib

HERE = pathlib.Path(__file__).resolve().parent


def read(stem):
    """[(name, {word: [words after it, of each line that begins with the word]}), ...]."""
    found = []
    for block in (HERE / f"{stem}.txt").read_text().strip().split("\n\n"):
        lines = [line.split() for line in block.split("\n")]
        words = {}
        for word, *rest in lines:
            words.setdefault(word, []).append(rest)
        found.append((words.pop("case")[0][0], words))
    return found
