"""Random faults of a group over real processes: who, what, when and for how long come from a seed that is printed. Of every round: each
survivor has the reference weights, or an error that names who was lost, in time.

MIXNET_FAULT_ROUNDS (200) and MIXNET_FAULT_SEED (of the clock) choose; a round that failed prints its number, and
MIXNET_FAULT_ROUND repeats it alone.
"""

import concurrent.futures
import os
import pathlib
import random
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "fault"))

from group import Group  # noqa: E402

ROUNDS = int(os.environ.get("MIXNET_FAULT_ROUNDS", "200"))
SEED = int(os.environ.get("MIXNET_FAULT_SEED", str(int(time.time()))))
ONLY = os.environ.get("MIXNET_FAULT_ROUND")
AT_ONCE = 4
TIMEOUT_S = 2


def kill(process, choose):
    process.send(signal.SIGKILL)


def pause(process, choose):
    process.send(signal.SIGSTOP)
    time.sleep(choose.choice([0.1, 0.5, 3, 5]))
    process.send(signal.SIGCONT)


def one(number, folder):
    """A round: a group of random size, and up to two faults at random times after the group has begun."""
    choose = random.Random(f"{SEED} {number}")
    workers, servers = choose.randint(1, 3), choose.randint(1, 3)
    who = ["scheduler 0"] + [f"server {i}" for i in range(servers)] + [f"worker {i}" for i in range(workers)]
    training = choose.random() < 0.8
    # The steps last about as long as the faults take to come.
    env = {"FAULT_STEPS": "30", "MIXNET_PS_PART_BYTES": str(choose.choice([4096, 65536, 4 << 20]))}
    env |= {"MIXNET_PS_COPIES": "2"} if servers > 1 and choose.random() < 0.4 else {}
    env |= {} if training else {"MIXNET_PS_RENDEZVOUS_S": "5"}
    with Group(folder, workers, servers, timeout_s=TIMEOUT_S, env=env) as group:
        group.start_all()
        if training:
            group.wait_phase("push", choose.randint(1, 30))
        else:
            group.wait_phase("rendezvous")
        victims = choose.sample(who, choose.choice([1, 1, 2]) if len(who) > 3 else 1)
        for victim in victims:
            time.sleep(choose.random() * 0.3)
            choose.choice([kill, kill, pause])(group.members[victim], choose)
        lost = [*victims, *[v.split()[0] for v in victims], "given up", "group: expected", "scheduler"]
        group.finish(lost)
        return {worker.result().get("weights") for worker in group.workers}


def test_random_rounds(tmp_path):
    print(f"MIXNET_FAULT_SEED={SEED}")

    def attempt(number):
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            return one(number, folder), ""
        except AssertionError as error:
            return (), f"MIXNET_FAULT_SEED={SEED} MIXNET_FAULT_ROUND={number}: {error}"

    numbers = [int(ONLY)] if ONLY else range(ROUNDS)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(attempt, numbers))
    failures = [text for _, text in found if text]
    assert not failures, f"{len(failures)} of {len(found)} rounds failed\n" + "\n".join(failures)
    ends = {end for of_round, _ in found for end in of_round}
    assert ONLY or ROUNDS < 50 or {"reference", None} <= ends, "rounds are expected to end in both ways"
