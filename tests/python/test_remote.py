"""Files behind servers and openers: what is read from there is what is read from the disk, whatever goes wrong on the way, or an error in time."""

import gc
import io
import os
import pathlib
import subprocess
import threading
import time

import fsspec
import mixnet as mx
import numpy as np
import pytest
from mixnet import recordio
from range_server import RangeServer

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")


@pytest.fixture(scope="module")
def records():
    draw = np.random.RandomState(3)
    return [draw.bytes(draw.randint(1, 60000)) for _ in range(300)]


@pytest.fixture(scope="module")
def packed(records, tmp_path_factory):
    """(bytes of the .rec, of the .idx)"""
    folder = tmp_path_factory.mktemp("remote")
    with recordio.MXIndexedRecordIO(folder / "a.idx", folder / "a.rec", "w") as file:
        for number, record in enumerate(records):
            file.write_idx(number, record)
    return (folder / "a.rec").read_bytes(), (folder / "a.idx").read_bytes()


@pytest.fixture(autouse=True)
def settings(monkeypatch):
    for name in (*KEYS, "http_proxy", "https_proxy", "all_proxy", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MIXNET_IO_TIMEOUT_S", "2")


@pytest.fixture(scope="module", autouse=True)
def pools(tmp_path_factory):
    """The library's own threads, which stay, are there before threads are counted."""
    path = tmp_path_factory.mktemp("pools") / "a.csv"
    path.write_text("\n".join(["100000," * 59 + "100000"] * 3000))
    assert (batches(csv_iter(str(path))) == 100000).all()


@pytest.fixture(autouse=True)
def no_thread_is_left(pools):
    before = threads()
    yield
    gc.collect()  # errors hold what raised them
    end = time.monotonic() + 5
    while threads() > before and time.monotonic() < end:
        time.sleep(0.01)
    assert threads() <= before


def threads():
    return len(os.listdir("/proc/self/task"))


def late_part_silent(number, path, part):
    return "silence" if int(part[6:].split("-")[0]) > 5 << 20 else None


def is_silent_now(server):
    """Whether somebody waits for a late part."""
    return any(late_part_silent(number, *request) for number, request in enumerate(server.requests))


def read_all(url, **share):
    with recordio.MXRecordIO(url, "r", **share) as file:
        return list(file)


def test_records_by_http(packed, records):
    with RangeServer({"a.rec": packed[0], "a.idx": packed[1], "empty.rec": b""}) as server:
        assert read_all(server.url("a.rec")) == records
        parts = [read_all(server.url("a.rec?token=1"), part_index=i, num_parts=3) for i in range(3)]
        assert sum(parts, []) == records and all(parts)
        assert read_all(server.url("empty.rec")) == []
        with recordio.MXIndexedRecordIO(server.url("a.idx"), server.url("a.rec"), "r") as file:
            assert file.keys == list(range(300))
            assert [file.read_idx(i) for i in (299, 0, 150, 151)] == [records[i] for i in (299, 0, 150, 151)]
        assert server.most_at_once > 1


def test_bytes(packed):
    data = packed[0]
    with RangeServer({"a.rec": data}) as server:
        url = server.url("a.rec")
        assert mx.io.read_bytes(url) == data
        assert mx.io.read_bytes(url, 5, 100) == data[5:105] and mx.io.read_bytes(url, len(data) - 5, 100) == data[-5:]
        assert mx.io.read_bytes(url, len(data) + 5) == b""


def test_what_passes_is_tried_again(packed, records, monkeypatch):
    monkeypatch.setenv("MIXNET_IO_TIMEOUT_S", "20")

    def fault(number, path, part):
        return ["reset", None, "short", 503, None, "cut", 0.05, None, 429, None, 500, None][number % 12]

    with RangeServer({"a.rec": packed[0]}, fault=fault) as server:
        assert read_all(server.url("a.rec")) == records


def test_a_silent_connection_is_given_up(packed, records, monkeypatch):
    monkeypatch.setenv("MIXNET_IO_TIMEOUT_S", "5")
    with RangeServer({"a.rec": packed[0]}, fault=lambda number, path, part: "silence" if number == 3 else None) as server:
        assert read_all(server.url("a.rec")) == records


@pytest.mark.parametrize(
    "fault, match",
    [
        ("shifted", "expected these bytes, got"),
        ("gzip", "Content-Encoding gzip"),
        (404, "no such file"),
        (403, "not allowed.*told to fail"),
        (418, "HTTP 418"),
    ],
)
def test_what_does_not_pass_is_told_at_once(packed, fault, match):
    with RangeServer({"a.rec": packed[0]}, fault=lambda number, path, part: fault if number >= 2 else None) as server:
        begin = time.monotonic()
        with pytest.raises(mx.MXNetError, match=rf"\[http\] http://127.0.0.1:{server.port}/a.rec bytes [\d-]+: .*{match}"):
            read_all(server.url("a.rec?secret=1"))
        assert time.monotonic() - begin < 2


@pytest.mark.parametrize("versions", [True, False])
def test_a_file_that_changes_is_no_mixture(packed, versions):
    data = packed[0]
    with RangeServer({"a.rec": data}, versions=versions) as server:
        file = recordio.MXRecordIO(server.url("a.rec"), "r")
        file.read()
        server.files["/a.rec"] = bytes(len(data)) if versions else data[:-8]
        with pytest.raises(mx.MXNetError, match="the file changed while it was read"):
            list(file)
        file.close()


def test_a_server_that_dies(packed, records):
    with RangeServer({"a.rec": packed[0]}) as server:
        file = recordio.MXRecordIO(server.url("a.rec"), "r")
        assert file.read() == records[0]
        server.stop()
        begin = time.monotonic()
        with pytest.raises(mx.MXNetError, match=r"\[http\] http://127.0.0.1:\d+/a.rec bytes \d+-\d+: .*tries in"):
            list(file)
        assert time.monotonic() - begin < 5
        server.start()
        file.reset()
        assert list(file) == records
        file.close()


def test_closing_with_reads_under_way(packed):
    with RangeServer({"a.rec": packed[0]}, fault=late_part_silent) as server:
        file = recordio.MXRecordIO(server.url("a.rec"), "r")
        while not is_silent_now(server):
            file.read()
        begin = time.monotonic()
        file.close()
        assert time.monotonic() - begin < 2


def test_servers_without_ranges(packed, records):
    with RangeServer({"a.rec": packed[0], "big": bytes((64 << 20) + 1)}, ranges=False) as server:
        assert read_all(server.url("a.rec")) == records
        assert len(server.requests) == 1
        with pytest.raises(mx.MXNetError, match="expected a server that answers range requests, or a file of at most 64 MiB, got 67108865 bytes"):
            mx.io.read_bytes(server.url("big"))


def test_redirects(packed):
    with RangeServer({"elsewhere": b"found"}, fault=lambda number, path, part: 302 if path == "/here" else None) as server:
        assert mx.io.read_bytes(server.url("here")) == b"found"
        with pytest.raises(mx.MXNetError, match="redirects"):
            server.fault = lambda number, path, part: 302
            mx.io.read_bytes(server.url("here"))


def test_addresses_that_lead_nowhere():
    with pytest.raises(mx.MXNetError, match=r"http://127.0.0.1:9/x bytes 0-0: .*tries in"):
        mx.io.read_bytes("http://user:word@127.0.0.1:9/x?secret")
    for wrong in ("http://", "gopher://x/y", "s3://bucket", "http://a b/"):
        with pytest.raises(mx.MXNetError):
            mx.io.read_bytes(wrong)


def test_a_fork_reads_on(packed, records):
    with RangeServer({"a.rec": packed[0]}) as server:
        file = recordio.MXRecordIO(server.url("a.rec"), "r")
        head = [file.read() for _ in range(120)]
        child = os.fork()
        if child == 0:
            os._exit(0 if list(file) == records[120:] else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert head + list(file) == records
        file.close()


# ---- iterators -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table():
    draw = np.random.RandomState(4)
    values = draw.randint(0, 1000000, size=(30000, 60))
    return values, "\n".join(",".join(map(str, row)) for row in values).encode()


def batches(iterator):
    return np.concatenate([batch.data[0].asnumpy() for batch in iterator])


def csv_iter(url):
    return mx.io.CSVIter(data_csv=url, data_shape=(60,), batch_size=500, dtype="int32")


def test_an_iterator(table):
    values, text = table
    with RangeServer({"a.csv": text}) as server:
        iterator = csv_iter(server.url("a.csv"))
        for _ in range(2):
            assert (batches(iterator) == values).all()
            iterator.reset()
        del iterator


def test_a_server_that_dies_in_mid_epoch(table):
    values, text = table
    with RangeServer({"a.csv": text}) as server:
        iterator = csv_iter(server.url("a.csv"))
        # Not all of the rest may be there already.
        server.fault = late_part_silent
        iterator.next()
        server.stop()
        begin = time.monotonic()
        with pytest.raises(mx.MXNetError, match=r"\[http\] http://127.0.0.1:\d+/a.csv bytes \d+-\d+: "):
            batches(iterator)
        assert time.monotonic() - begin < 5
        server.fault = lambda number, path, part: None
        server.start()
        iterator.reset()
        assert (batches(iterator) == values).all()
        del iterator


def test_an_iterator_goes_with_reads_under_way(table):
    with RangeServer({"a.csv": table[1]}, fault=late_part_silent) as server:
        iterator = csv_iter(server.url("a.csv"))
        while not is_silent_now(server):
            iterator.next()
        begin = time.monotonic()
        del iterator
        assert time.monotonic() - begin < 2


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """The folder of a .rec of about 9 MB of pictures, its .idx and .lst."""
    folder, draw = tmp_path_factory.mktemp("pictures"), np.random.RandomState(5)
    with recordio.MXIndexedRecordIO(folder / "p.idx", folder / "p.rec", "w") as file:
        for number in range(300):
            image = draw.randint(0, 256, (140, 160, 3), np.uint8)
            file.write_idx(number, recordio.pack_img(recordio.IRHeader(0, number, number, 0), image, quality=90))
    (folder / "p.lst").write_text("".join(f"{number}\t{number * 2}\tx.jpg\n" for number in range(300)))
    return folder


def image_iter(place, shuffle, **options):
    index = {"path_imgidx": f"{place}p.idx", "shuffle": True, "seed": 3} if shuffle else {}
    shape = {"data_shape": (3, 64, 64), "batch_size": 16, "rand_crop": True, "rand_mirror": True}
    return mx.io.ImageRecordIter(path_imgrec=f"{place}p.rec", preprocess_threads=2, prefetch_buffer=2, **shape, **index, **options)


def epoch(iterator):
    found = [(batch.data[0].asnumpy(), batch.label[0].asnumpy(), batch.pad) for batch in iterator]
    iterator.reset()
    return found


def same(left, right):
    return len(left) == len(right) and all((a == b).all() and (c == d).all() and e == f for (a, c, e), (b, d, f) in zip(left, right))


def served(folder, **options):
    return RangeServer({path.name: path.read_bytes() for path in folder.iterdir()}, **options)


@pytest.mark.parametrize("shuffle", [False, True])
def test_pictures(pictures, shuffle):
    with served(pictures) as server:
        lists = {"path_imglist": "p.lst"} if shuffle else {}
        here = image_iter(f"{pictures}/", shuffle, **{key: f"{pictures}/{path}" for key, path in lists.items()})
        there = image_iter(server.url(), shuffle, **{key: server.url(path) for key, path in lists.items()})
        for _ in range(2):
            local = epoch(here)
            assert len(local) in (18, 19) and same(epoch(there), local)
        del here, there


def test_a_server_of_pictures_that_dies(pictures):
    with served(pictures) as server:
        iterator = image_iter(server.url(), True)
        iterator.next()
        server.stop()
        begin = time.monotonic()
        with pytest.raises(mx.MXNetError, match=r"\[http\] http://127.0.0.1:\d+/p.rec bytes \d+-\d+: .*tries in"):
            for _ in iterator:
                pass
        assert time.monotonic() - begin < 5
        server.start()
        iterator.reset()
        local = image_iter(f"{pictures}/", True)
        local.next()
        local.reset()
        assert same(epoch(iterator), epoch(local))
        del iterator, local


def test_an_iterator_of_pictures_goes_with_reads_under_way(pictures):
    with served(pictures, fault=late_part_silent) as server:
        iterator = image_iter(server.url(), False)
        while not is_silent_now(server):
            iterator.next()
        begin = time.monotonic()
        del iterator
        assert time.monotonic() - begin < 2


# ---- HTTPS -----------------------------------------------------------------------------------------------------------


def test_https(packed, tmp_path, monkeypatch):
    import ssl

    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2", *subject],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with RangeServer({"a.rec": packed[0][:3000000]}, context=context) as server:
        begin = time.monotonic()
        with pytest.raises(mx.MXNetError, match="(?i)certificate"):
            mx.io.read_bytes(server.url("a.rec"))
        assert time.monotonic() - begin < 2
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert mx.io.read_bytes(server.url("a.rec")) == packed[0][:3000000]


# ---- S3 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, "a/session+token=="])
def test_s3(packed, records, monkeypatch, token):
    files = {"bucket/train/a.rec": packed[0], "bucket/odd key+é(1)=&?.txt": b"odd"}
    with RangeServer(files, secret=("AKEY", "se/cr+et:x", token)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url())
        monkeypatch.setenv("AWS_REGION", "eu-test-1")
        with pytest.raises(mx.MXNetError, match=r"\[http\] s3://bucket/train/a.rec bytes 0-0: not allowed"):
            read_all("s3://bucket/train/a.rec")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKEY")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "se/cr+et:x")
        if token:
            monkeypatch.setenv("AWS_SESSION_TOKEN", token)
        assert read_all("s3://bucket/train/a.rec") == records
        assert mx.io.read_bytes("s3://bucket/odd key+é(1)=&?.txt") == b"odd"
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
        with pytest.raises(mx.MXNetError, match="SignatureDoesNotMatch"):
            read_all("s3://bucket/train/a.rec")


def test_a_bucket_elsewhere(monkeypatch):
    with RangeServer({}, fault=lambda number, path, part: 301) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url())
        with pytest.raises(mx.MXNetError, match="the bucket is elsewhere"):
            mx.io.read_bytes("s3://bucket/key")
        assert len(server.requests) == 1


# ---- sources of the program ------------------------------------------------------------------------------------------


class Kept(io.BytesIO):
    closed_files = 0

    def close(self):
        Kept.closed_files += 1
        super().close()


def test_a_scheme_of_the_program(packed, records):
    opened = []

    def opener(uri):
        opened.append(uri)
        return Kept({"kept://a.rec": packed[0], "kept://a.idx": packed[1]}[uri])

    mx.io.register_scheme("kept", opener)
    try:
        before = Kept.closed_files
        assert read_all("kept://a.rec") == records
        assert opened == ["kept://a.rec"] and Kept.closed_files == before + 1
        with recordio.MXIndexedRecordIO("kept://a.idx", "kept://a.rec", "r") as file:
            assert file.read_idx(77) == records[77]
        assert Kept.closed_files == before + len(opened)
        with pytest.raises(mx.MXNetError, match=r"\[open\] kept://none: KeyError: 'kept://none'"):
            read_all("kept://none")
    finally:
        mx.io.register_scheme("kept", None)
    with pytest.raises(mx.MXNetError, match="a registered scheme, got 'kept'"):
        read_all("kept://a.rec")


def test_a_file_that_fails(packed, records):
    class Failing(io.BytesIO):
        broken = False

        def read(self, count):
            if Failing.broken and self.tell() > 2 << 20:
                raise OSError("the tape tore")
            return super().read(min(count, 100000))

    class Short(io.BytesIO):
        def read(self, count):
            return super().read(count) if self.tell() < 100 else b""

    mx.io.register_scheme("tape", lambda uri: Failing(packed[0]) if uri == "tape://a" else Short(packed[0]))
    try:
        file = recordio.MXRecordIO("tape://a", "r")
        Failing.broken = True
        with pytest.raises(mx.MXNetError, match=r"\[read at byte \d+\] tape://a: OSError: the tape tore"):
            list(file)
        Failing.broken = False
        file.reset()
        assert list(file) == records
        file.close()
        with pytest.raises(mx.MXNetError, match="expected .* bytes from the callback, got"):
            list(recordio.MXRecordIO("tape://b", "r"))
    finally:
        mx.io.register_scheme("tape", None)


def test_what_is_no_scheme():
    for scheme in ("", "x", "A b", "file"):
        with pytest.raises(mx.MXNetError, match="register_scheme"):
            mx.io.register_scheme(scheme, open)
    with pytest.raises(TypeError, match="expected a function of a URI"):
        mx.io.register_scheme("good", "bad")


def test_several_readers_at_once(packed, records):
    mx.io.register_scheme("many", lambda uri: io.BytesIO(packed[0]))
    found = [None] * 4

    def read(i):
        found[i] = read_all("many://a", part_index=i, num_parts=4)

    try:
        readers = [threading.Thread(target=read, args=(i,)) for i in range(4)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
    finally:
        mx.io.register_scheme("many", None)
    assert sum(found, []) == records


def test_fsspec(packed, records, tmp_path):
    with fsspec.open("memory://folder/a.rec", "wb") as file:
        file.write(packed[0])
    uri = mx.io.open_fsspec("memory://folder/a.rec")
    assert uri.startswith("fsspec://") and uri.endswith("/a.rec")
    assert read_all(uri) == records
    path = pathlib.Path(tmp_path) / "b.rec"
    path.write_bytes(packed[0])
    assert read_all(mx.io.open_fsspec(str(path))) == records
    with pytest.raises(mx.MXNetError, match="FileNotFoundError"):
        read_all(mx.io.open_fsspec("memory://folder/none"))
