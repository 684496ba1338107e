"""Two network namespaces joined by a link, for faults that only a network has. Needs root, ip (iproute2) and nft (nftables)."""

import itertools
import os
import shutil
import subprocess

_numbers = itertools.count(os.getpid() % 200 * 250)


def missing():
    """Why there are no namespaces here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for program, package in (("ip", "iproute2"), ("nft", "nftables")):
        if not shutil.which(program):
            return f"there is no {program} (Debian: {package})"
    return None


def run(*command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0, f"{' '.join(command)}: {result.stdout}"


class Pair:
    """Namespaces `near` and `far` with addresses of their own; cut() and heal() the link between them, lose() some of what comes."""

    def __init__(self):
        number = next(_numbers)
        self.near, self.far = (f"fault{number}{side}" for side in "ab")
        self._link = f"fl{number}"
        self.near_address, self.far_address = (f"10.{200 + number // 250 % 50}.{number % 250}.{host}" for host in (1, 2))

    def __enter__(self):
        for space in (self.near, self.far):
            run("ip", "netns", "add", space)
            run("ip", "-n", space, "link", "set", "lo", "up")
        try:
            run("ip", "link", "add", f"{self._link}a", "netns", self.near, "type", "veth", "peer", "name", f"{self._link}b", "netns", self.far)
            for space, side, address in ((self.near, "a", self.near_address), (self.far, "b", self.far_address)):
                run("ip", "-n", space, "addr", "add", f"{address}/24", "dev", self._link + side)
                run("ip", "-n", space, "link", "set", self._link + side, "up")
        except AssertionError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for space in (self.near, self.far):
            run("ip", "netns", "del", space)

    @staticmethod
    def inside(space):
        """Words in front of a command that is to run there."""
        return ("ip", "netns", "exec", space)

    def cut(self):
        """No packet passes in either direction, and nobody is told."""
        self._filter("drop")

    def heal(self):
        run(*self.inside(self.far), "nft", "flush", "ruleset")

    def lose(self, percent):
        """Drops so many of the packets in each direction, at random."""
        self._filter("numgen", "random", "mod", "100", "<", str(percent), "drop")

    def _filter(self, *rule):
        nft = (*self.inside(self.far), "nft")
        run(*nft, "add", "table", "inet", "fault")
        for hook in ("input", "output"):
            run(*nft, f"add chain inet fault {hook} {{ type filter hook {hook} priority 0; }}")
            run(*nft, "add", "rule", "inet", "fault", hook, "meta", "oifname" if hook == "output" else "iifname", "!=", "lo", *rule)

    def redirect(self, port, mark):
        """Connections that leave `far` go to a local port instead, but for those with the mark."""
        nft = (*self.inside(self.far), "nft")
        run(*nft, "add", "table", "ip", "fault")
        run(*nft, "add chain ip fault output { type nat hook output priority -100; }")
        run(*nft, f"add rule ip fault output oifname != lo meta mark != {mark} ip protocol tcp redirect to :{port}")
