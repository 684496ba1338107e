"""Files broken at random: cut short, bits turned over, pieces moved, numbers made absurd."""

import random


def mutated(content, seed):
    """The bytes with one to four things wrong, the same for the same seed."""
    rng = random.Random(seed)
    data = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        if not data:
            break
        at, kind = rng.randrange(len(data)), rng.randrange(7)
        if kind == 0:
            del data[at:]
        elif kind == 1:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            data[at] = rng.choice((0, 1, 127, 128, 255))
        elif kind == 3:
            data[at : at + 8] = rng.choice((b"\xff" * 8, b"\x00" * 8, b"99999999", b"-1"))
        elif kind == 4:
            del data[at : at + rng.randint(1, 16)]
        elif kind == 5:
            start = rng.randrange(len(data))
            data[at:at] = data[start : start + rng.randint(1, 64)]
        else:
            # The beginning holds sizes and types in most formats.
            data[min(at, rng.randrange(64)) % len(data)] = rng.randrange(256)
    return bytes(data)


def survives(read, content, seed, errors):
    """Reads a mutated file: True when it was read, False when it was refused by one of `errors` in one line."""
    try:
        read(mutated(content, seed))
    except errors as error:
        assert str(error) and "\n" not in str(error), f"seed {seed}: expected one line, got {error}"
        return False
    return True
