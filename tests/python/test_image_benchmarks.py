"""The benchmarks of images: pictures that are the same everywhere, sides that cannot, and ours on a few pictures."""

import hashlib
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "benchmarks")]

import contestants  # noqa: E402
import image_pipeline  # noqa: E402
import photos  # noqa: E402
from driver import PeerError  # noqa: E402

from mixnet import recordio  # noqa: E402


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    return photos.make(tmp_path_factory.mktemp("photos"), 70)


def test_pictures(prefix):
    listed = photos.listed(prefix)
    assert len(listed["paths"]) == 70 and listed["labels"][:3] == [0, 1, 2]
    sizes = [pathlib.Path(path).stat().st_size for path in listed["paths"]]
    assert 60_000 < sum(sizes) / 70 < 140_000
    digests = {hashlib.md5(pathlib.Path(path).read_bytes()).hexdigest() for path in listed["paths"]}
    assert len(digests) == 70
    again = recordio.pack_img(recordio.IRHeader(0, 0, 0, 0), photos.Photos().picture(5), photos.QUALITY)
    assert again[24:] == pathlib.Path(listed["paths"][5]).read_bytes()
    assert photos.make(prefix.parent, 70) == prefix  # is there


def test_bare_decoding_and_ours(prefix, tmp_path):
    sides = {side.name: side for side in contestants.images()[:1]}
    sides[image_pipeline.BARE] = image_pipeline.Bare(tmp_path)
    rates, reasons = image_pipeline.measure(sides, 1, row="crop", threads=2, **photos.listed(prefix))
    assert reasons == {} and set(rates) == {"mixnet", image_pipeline.BARE} and min(rates.values()) > 1


class Side:
    def __init__(self, *answers):
        self.answers = list(answers)

    def ask(self, do, **_):
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            raise PeerError(answer)
        return answer

    def stop(self):
        self.answers.append("stopped")


def test_sides_that_fail_give_their_reason():
    epoch = {"images": 100, "seconds": 2}
    good = Side({}, epoch, epoch, {"images": 100, "seconds": 1}, epoch)
    sides = {"never": Side("not installed"), "late": Side({}, epoch, epoch, "out of memory"), "good": good}
    rates, reasons = image_pipeline.measure(sides, 3)
    assert rates == {"good": 50} and reasons == {"never": "not installed", "late": "out of memory"}
    assert all(side.answers == ["stopped"] for side in sides.values())
