"""Adds up test results: what passed, failed and was skipped, and why a run that looks good is not.

A program counts as good only when its own summary and its exit code agree: a crash after the summary, a run without tests
and a run that wrote nothing are failures. A skip is a failure unless its reason starts with `needs GPU`, or with `no toolchain` where a
language's compiler cannot be installed; CI has them all, and there the tests themselves fail.
"""

import re
import xml.etree.ElementTree as ElementTree

DOCTEST = re.compile(r"test cases:\s*(\d+) \|\s*(\d+) passed \|\s*(\d+) failed \|\s*(\d+) skipped")
ALLOWED_SKIP = re.compile(r"needs GPU\b|no toolchain\b")


class Totals:
    """The sum over all languages; complaints are failures that no test program counted."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.complaints = []

    def add(self, passed, failed, skipped=0):
        self.passed += int(passed)
        self.failed += int(failed)
        self.skipped += int(skipped)

    def complain(self, what):
        self.failed += 1
        self.complaints.append(what)

    def add_exit_code(self, label, code):
        """One program that is one test."""
        self.add(code == 0, code != 0)
        return f"{label}: {'ok' if code == 0 else f'exit code {code}'}"

    def add_doctest(self, label, code, output, filtered=False):
        """A doctest program's output and exit code; filtered: it was asked to leave tests out."""
        found = DOCTEST.search(output)
        if not found:
            self.complain(f"{label}: the test program did not finish (exit code {code})")
            return f"{label}: did not finish"
        total, passed, failed, skipped = map(int, found.groups())
        self.add(passed, failed)
        if code != 0 and failed == 0:
            self.complain(f"{label}: exit code {code}")
        if total == 0:
            self.complain(f"{label}: ran no tests")
        if skipped and not filtered:
            self.complain(f"{label}: {skipped} skipped without the reason 'needs GPU'")
        return f"{label}: {passed} passed, {failed} failed"

    def add_pytest(self, label, code, report):
        """pytest's exit code and the file of its --junitxml; the file may be missing or cut off.

        Properties of the suite called `inside NAME` with the value `passed failed skipped` are tests of other languages that its tests ran.
        """
        try:
            suite = ElementTree.parse(report).getroot().find("testsuite")
        except (OSError, ElementTree.ParseError):
            suite = None
        if suite is None:
            self.complain(f"{label}: pytest wrote no report (exit code {code})")
            return f"{label}: did not finish"
        tests, *bad, skipped = (int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped"))
        failed = sum(bad)
        self.add(tests - failed - skipped, failed, skipped)
        inside = {p.get("name")[7:]: p.get("value") for p in suite.iter("property") if p.get("name").startswith("inside ")}
        for counts in inside.values():
            self.add(*map(int, counts.split()))
        if code != 0 and not (code == 1 and failed):
            self.complain(f"{label}: pytest's exit code is {code}")
        if tests == 0:
            self.complain(f"{label}: ran no tests")
        for case in suite.iter("testcase"):
            skip = case.find("skipped")
            reason = "" if skip is None else skip.get("message") or "no reason"
            if skip is not None and not ALLOWED_SKIP.match(reason):
                self.complain(f"{case.get('name')} was skipped: {reason}")
        more = "".join(f"; {name}: {counts.split()[0]} passed" for name, counts in sorted(inside.items()))
        return f"{label}: {tests - failed - skipped} passed, {failed} failed, {skipped} skipped{more}"

    def finish(self):
        """The complaints and the line that ends every run."""
        lines = [f"FAILED: {complaint}" for complaint in self.complaints]
        return "\n".join([*lines, f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"])

    def code(self):
        return 1 if self.failed or not self.passed else 0
