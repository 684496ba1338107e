"""Faults of a group over real processes: in time every survivor has the reference weights, or an error that names who was lost.

Each parameter is a function of a folder that makes a group, does something to it and checks the survivors. What must end in an error is
said: `must_fail`. Random rounds are in tests/slow/test_random_faults.py.
"""

import pathlib
import signal
import sys
import time

import mixnet as mx
import networks
import pytest
from group import LIMIT_S, Group, Process
from mixnet.launch import keys

TIMEOUT_S = 1
NOT_ALL_CAME = "expected 2 workers and 2 servers"


def killed_while_gathering(role, rank):
    """One that was there for a while goes before all have come; the last worker comes after that."""

    def scenario(folder):
        with Group(folder, timeout_s=TIMEOUT_S, env={"MIXNET_PS_RENDEZVOUS_S": "4"}) as group:
            group.start_all(without=["worker 0"])
            group.wait_phase("rendezvous")
            time.sleep(1)
            group.members[f"{role} {rank}"].send(signal.SIGKILL)
            group.start("worker", 0)
            group.finish([role, f"{role} {rank}", NOT_ALL_CAME], must_fail=True)

    return scenario


def killed_at(phase, role, rank):
    """All workers stand before the phase, in the middle of training, when one member goes."""
    step = 0 if phase == "init" else 2

    def scenario(folder):
        with Group(folder, timeout_s=TIMEOUT_S, hold=f"{phase} {step}") as group:
            group.start_all()
            group.wait_phase(phase, step)
            group.members[f"{role} {rank}"].send(signal.SIGKILL)
            group.release()
            group.finish(role if role == "scheduler" else f"{role} {rank}", must_fail=True)

    return scenario


def paused(role, rank, seconds, lost):
    """A member that does not run for a while, in the middle of training: too long, or not."""

    def scenario(folder):
        with Group(folder, timeout_s=2, hold="push 2") as group:
            group.start_all()
            group.wait_phase("push", 2)
            member = group.members[f"{role} {rank}"]
            member.send(signal.SIGSTOP)
            group.release()
            time.sleep(seconds)
            member.send(signal.SIGCONT)
            name = role if role == "scheduler" else f"{role} {rank}"
            group.finish(name if lost else None, must_fail=lost)

    return scenario


def no_fault(folder):
    """The reference of all others."""
    with Group(folder, timeout_s=5) as group:
        group.start_all().finish(limit_s=60)


class Slow(networks.Pair):
    """Everything that leaves or enters the far side takes 200 ms, by a proxy."""

    PORT, MARK, DELAY_S = 7171, 7, 0.2

    def __enter__(self):
        super().__enter__()
        program = str(pathlib.Path(__file__).with_name("delay_proxy.py"))
        command = [sys.executable, program, str(self.PORT), str(self.DELAY_S), str(self.MARK)]
        self._proxy = Process("proxy", command, {}, self.inside(self.far))
        self._proxy.wait_for("ready")
        self.redirect(self.PORT, self.MARK)
        return self

    def __exit__(self, *_):
        self._proxy.close()
        super().__exit__()


def apart(folder, fault, timeout_s, lost=None, steps=4, limit_s=LIMIT_S, pair=None):
    """Worker 1 alone on the far side of a link; `fault` (of the link, in the middle of training) may last. All speak with a key."""
    path = keys.write(folder, keys.make())
    with pair or networks.Pair() as pair:
        near = {name: pair.inside(pair.near) for name in ("scheduler 0", "server 0", "server 1", "worker 0")}
        spaces = {**near, "worker 1": pair.inside(pair.far)}
        env = {"MIXNET_PS_KEY_FILE": str(path), "FAULT_STEPS": str(steps)}
        with Group(folder, timeout_s=timeout_s, hold="push 2", env=env, spaces=spaces, address=pair.near_address, port=7070) as group:
            for name in spaces:
                role, rank = name.split()
                group.start(role, int(rank), DMLC_NODE_HOST=pair.far_address if name == "worker 1" else pair.near_address)
            group.wait_phase("push", 2)
            fault(pair, group)
            group.finish(lost, must_fail=lost is not None, limit_s=limit_s)


def link_cut(folder):
    def fault(pair, group):
        pair.cut()
        group.release()

    # The one that is cut off knows only that it hears nobody.
    apart(folder, fault, TIMEOUT_S, lost=["worker 1", "scheduler", "server"])


def link_cut_and_healed(folder):
    def fault(pair, group):
        pair.cut()
        group.release()
        time.sleep(1)
        pair.heal()

    apart(folder, fault, 4)


def link_cut_too_long_and_healed(folder):
    def fault(pair, group):
        pair.cut()
        group.release()
        time.sleep(4)
        pair.heal()

    apart(folder, fault, TIMEOUT_S, lost=["worker 1", "scheduler", "server", "given up"])


def link_loses_packets(folder):
    def fault(pair, group):
        pair.lose(5)
        group.release()

    apart(folder, fault, 5, steps=20, limit_s=40)


def link_is_slow(folder):
    """200 ms in each direction between worker 1 and everybody else, from the beginning."""
    apart(folder, lambda pair, group: group.release(), 5, limit_s=30, pair=Slow())


def disk_full(folder):
    """The checkpoint fails with an error that says so, which is the program's to handle; nothing else happens to the group."""
    place = folder / "disk"
    place.mkdir()
    networks.run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place))
    try:
        with Group(place, timeout_s=5, env={"FAULT_DISK": "full"}) as group:
            group.start_all().finish(limit_s=30)
            said = [line for line in group.members["worker 0"].lines if line.startswith("checkpoint failed")]
            assert said and all("server" in line and "No space left" in line for line in said), group.log()
            # What is there is whole: the smaller of the two servers has room.
            assert all(mx.nd.load(str(path)) for path in place.iterdir())
    finally:
        networks.run("umount", str(place))


def one_of_two_copies(phase, rank):
    """Every key is on two servers, and one of them goes: nothing is lost."""
    step = 0 if phase == "init" else 2

    def scenario(folder):
        with Group(folder, servers=3, timeout_s=TIMEOUT_S, hold=f"{phase} {step}", env={"MIXNET_PS_COPIES": "2"}) as group:
            group.start_all()
            group.wait_phase(phase, step)
            group.members[f"server {rank}"].send(signal.SIGKILL)
            group.release()
            group.finish(limit_s=20)
            assert all(worker.result() == {**worker.result(), "weights": "reference"} for worker in group.workers)

    return scenario


def both_copies(folder):
    with Group(folder, servers=3, timeout_s=TIMEOUT_S, hold="push 2", env={"MIXNET_PS_COPIES": "2"}) as group:
        group.start_all()
        group.wait_phase("push", 2)
        for rank in (2, 0):
            group.members[f"server {rank}"].send(signal.SIGKILL)
        group.release()
        group.finish(["server 0", "server 2"], must_fail=True)


def server_restarted(folder):
    """A server of an elastic group goes right after a checkpoint; another comes in its place with what it held."""
    with Group(folder, timeout_s=TIMEOUT_S, hold="push 3", elastic=True) as group:
        group.start_all()
        group.wait_phase("push", 3)
        group.members["server 1"].send(signal.SIGKILL)
        time.sleep(TIMEOUT_S + 1)
        group.start("server", 1, MIXNET_PS_RESTORE=str(folder / "state"))
        group.release()
        group.finish(limit_s=30)
        assert all(worker.result() == {**worker.result(), "weights": "reference"} for worker in group.workers)


def elastic_goes_on(folder):
    """The others complete their rounds without the one that was lost."""
    with Group(folder, timeout_s=TIMEOUT_S, hold="push 2", elastic=True) as group:
        group.start_all()
        group.wait_phase("push", 2)
        group.members["worker 1"].send(signal.SIGKILL)
        group.release()
        group.finish()


def elastic_worker_comes_again(folder):
    """A worker in the place of a lost one begins with the present weights."""
    with Group(folder, timeout_s=TIMEOUT_S, hold="push 2", elastic=True) as group:
        group.start_all()
        group.wait_phase("push", 2)
        group.members["worker 1"].send(signal.SIGKILL)
        time.sleep(TIMEOUT_S + 1)
        group.start("worker", 1, FAULT_HOLD="", FAULT_STEPS="2").wait_for("phase init 0")
        group.release()
        group.finish()


KILLED = [("scheduler", 0), ("server", 1), ("worker", 1)]
SCENARIOS = {
    "nothing happens": no_fault,
    **{f"{role} killed at rendezvous": killed_while_gathering(role, rank) for role, rank in KILLED},
    **{f"{role} killed at {phase}": killed_at(phase, role, rank) for phase in ("init", "push", "pull", "barrier", "checkpoint") for role, rank in KILLED},
    **{f"{role} paused for long": paused(role, rank, 5, True) for role, rank in KILLED},
    **{f"{role} paused for a moment": paused(role, rank, 0.7, False) for role, rank in KILLED},
    **{f"server {rank} of three killed at {phase}, two copies": one_of_two_copies(phase, rank) for rank, phase in enumerate(("init", "push", "pull"))},
    "both copies lost": both_copies,
    "elastic, goes on": elastic_goes_on,
    "elastic, worker comes again": elastic_worker_comes_again,
    "elastic, server restarted": server_restarted,
}
NETWORK = {
    "link cut": link_cut,
    "link cut and healed": link_cut_and_healed,
    "link cut too long and healed": link_cut_too_long_and_healed,
    "5 % of packets lost": link_loses_packets,
    "200 ms slow": link_is_slow,
    "disk full at checkpoint": disk_full,
}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_fault(scenario, outcome):
    outcome()


@pytest.mark.skipif(bool(networks.missing()), reason=f"no toolchain: {networks.missing()}")
@pytest.mark.parametrize("scenario", NETWORK.values(), ids=NETWORK)
def test_network_fault(scenario, outcome):
    outcome()
