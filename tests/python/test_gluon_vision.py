"""mx.gluon.data.vision: datasets from local files and their faults; transforms, alone, composed, and a batch at once."""

import contextlib
import gzip
import pathlib
import struct

import mixnet as mx
import numpy as np
import pytest
from mixnet import recordio
from mixnet.gluon import data as gd
from mixnet.gluon.data import vision
from mixnet.gluon.data.vision import transforms as T  # noqa: N812 - the usual name


def write_idx(path, array):
    header = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    with (gzip.open if str(path).endswith(".gz") else open)(path, "wb") as file:
        file.write(header + array.astype(np.uint8).tobytes())


def picture(height=12, width=16, seed=0):
    return mx.nd.array(np.random.RandomState(seed).randint(0, 256, (height, width, 3)), dtype="uint8")


@pytest.fixture(autouse=True)
def without_errors_left():
    """Pictures that cannot be decoded leave an error that waitall would raise in a later test."""
    yield
    with contextlib.suppress(mx.MXNetError):
        mx.waitall()


@pytest.fixture
def mnist(tmp_path):
    rng = np.random.RandomState(0)
    for part, count, end in (("train", 30, ".gz"), ("t10k", 10, "")):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte{end}", rng.randint(0, 256, (count, 28, 28)))
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte{end}", rng.randint(0, 10, count))
    return tmp_path


@pytest.mark.parametrize("kind", [vision.MNIST, vision.FashionMNIST])
def test_mnist_reads_local_files(mnist, kind, monkeypatch):
    train, test = kind(mnist), kind(str(mnist), train=False, transform=lambda image, label: (image.astype("float32") / 255, -label))
    assert len(train) == 30 and len(test) == 10
    image, label = train[3]
    assert image.shape == (28, 28, 1) and image.dtype == np.uint8 and label.dtype == np.int32
    assert test[0][0].dtype == np.float32 and test[0][1] <= 0
    folder = mnist / "home" / "datasets" / kind._folder
    folder.mkdir(parents=True)
    monkeypatch.setenv("MXNET_HOME", str(mnist / "home"))
    with pytest.raises(mx.MXNetError, match=f"expected the files .*t10k-images.* in {folder}, got no .*; nothing is downloaded"):
        kind(train=False)
    for name in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        (folder / name).write_bytes((mnist / name).read_bytes())
    assert len(kind(train=False)) == 10


def test_mnist_names_damaged_files(mnist):
    labels = mnist / "t10k-labels-idx1-ubyte"
    write_idx(labels, np.zeros(9))
    with pytest.raises(mx.MXNetError, match="labels: expected 10 like .*, got 9"):
        vision.MNIST(mnist, train=False)
    labels.write_bytes(b"\0\0")
    with pytest.raises(mx.MXNetError, match="t10k-labels-idx1-ubyte.* header: expected 8 bytes, got 2"):
        vision.MNIST(mnist, train=False)


def test_cifar_reads_local_files(tmp_path):
    rng = np.random.RandomState(1)
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    records = rng.randint(0, 256, (6, 4, 3073)).astype(np.uint8)
    for name, part in zip([f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"], records):
        (folder / name).write_bytes(part.tobytes())
    train = vision.CIFAR10(tmp_path)
    image, label = train[5]
    assert len(train) == 20 and len(vision.CIFAR10(tmp_path, train=False)) == 4
    assert image.shape == (32, 32, 3) and label == records[1, 1, 0]
    assert (image.asnumpy() == records[1, 1, 1:].reshape(3, 32, 32).transpose(1, 2, 0)).all()
    hundred = rng.randint(0, 256, (3, 3074)).astype(np.uint8)
    with gzip.open(tmp_path / "train.bin.gz", "wb") as file:
        file.write(hundred.tobytes())
    assert vision.CIFAR100(tmp_path)[2][1] == hundred[2, 0] and vision.CIFAR100(tmp_path, fine_label=True)[2][1] == hundred[2, 1]
    with pytest.raises(mx.MXNetError, match="got no test.bin; nothing is downloaded"):
        vision.CIFAR100(tmp_path, train=False)
    (folder / "test_batch.bin").write_bytes(b"x" * 100)
    with pytest.raises(mx.MXNetError, match="expected records of 3073 bytes, got 100 bytes"):
        vision.CIFAR10(tmp_path, train=False)


PICTURES = [pathlib.Path(__file__).resolve().parents[1] / "data" / "images" / name for name in ("rgb.png", "rgb.jpg", "grey.png")]


def test_image_record_dataset(tmp_path):
    path = str(tmp_path / "x.rec")
    with recordio.MXIndexedRecordIO(str(tmp_path / "x.idx"), path, "w") as file:
        for key, picture in enumerate(PICTURES):
            label = 5.0 if key else [1.0, 2.0]
            file.write_idx(key, recordio.pack(recordio.IRHeader(0, label, key, 0), picture.read_bytes()))
        file.write_idx(3, recordio.pack(recordio.IRHeader(0, 0, 3, 0), b"no picture"))
        file.write_idx(4, b"short")
    dataset = vision.ImageRecordDataset(path)
    image, label = dataset[0]
    assert len(dataset) == 5 and label.tolist() == [1, 2] and image.dtype == np.uint8
    assert (image.asnumpy() == mx.image.imread(str(PICTURES[0])).asnumpy()).all() and dataset[1][1] == 5
    assert vision.ImageRecordDataset(path, flag=0)[0][0].shape == (*image.shape[:2], 1)
    half = vision.ImageRecordDataset(path, transform=lambda image, label: (image.astype("float32") / 2, label))
    np.testing.assert_allclose(half[0][0].asnumpy(), image.asnumpy() / 2)
    with pytest.raises(mx.MXNetError, match="x.rec. record 3: expected a picture, got .*JPEG or PNG"):
        dataset[3]
    with pytest.raises(mx.MXNetError, match="x.rec. record 4: expected a picture, got .*header"):
        dataset[4]
    loader = gd.DataLoader(dataset.transform_first(T.Compose([T.Resize(8), T.ToTensor()])), 1, sampler=[1, 3, 2], num_workers=2)
    batches = iter(loader)
    assert next(batches)[0].shape == (1, 3, 8, 8)
    with pytest.raises(gd.ItemError, match="batch 1, example 3: .*record 3: expected a picture"):
        next(batches)
    assert next(batches)[0].shape == (1, 3, 8, 8)


def test_image_folder_dataset(tmp_path):
    for folder, name, source in (("dog", "b.jpg", 1), ("cat", "z.PNG", 0), ("dog", "a.png", 2), ("dog", "notes.txt", 0)):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_bytes(PICTURES[source].read_bytes())
    (tmp_path / "stray.jpg").write_bytes(b"")
    dataset = vision.ImageFolderDataset(tmp_path)
    assert dataset.synsets == ["cat", "dog"]
    assert [(path[-5:], label) for path, label in dataset.items] == [("z.PNG", 0), ("a.png", 1), ("b.jpg", 1)]
    assert (dataset[0][0].asnumpy() == mx.image.imread(str(PICTURES[0])).asnumpy()).all() and dataset[2][1] == 1
    assert vision.ImageFolderDataset(tmp_path, flag=0)[1][0].shape[2] == 1
    (tmp_path / "dog" / "b.jpg").write_bytes(PICTURES[1].read_bytes()[:40])
    with pytest.raises(mx.MXNetError, match="ImageFolderDataset. .*b.jpg: expected a picture"):
        dataset[2]
    for root, message in ((tmp_path / "none", "expected a folder"), (tmp_path / "dog", "expected pictures")):
        with pytest.raises(mx.MXNetError, match=message):
            vision.ImageFolderDataset(root)


def test_image_list_dataset(tmp_path):
    for source in PICTURES:
        (tmp_path / source.name).write_bytes(source.read_bytes())
    (tmp_path / "x.lst").write_text("7\t3\trgb.png\n\n8\t1\t2.5\tgrey.png\n")
    listed = vision.ImageListDataset(tmp_path, "x.lst")
    assert len(listed) == 2 and listed[0][1] == 3.0 and listed[1][1].tolist() == [1, 2.5]
    given = vision.ImageListDataset(tmp_path, [[4, "rgb.jpg"], [[1, 2], "grey.png"]], flag=0)
    assert given[0][1] == 4.0 and given[1][1].tolist() == [1, 2] and given[0][0].shape[2] == 1
    (tmp_path / "bad.lst").write_text("7\t3\trgb.png\n8\tgrey.png\n")
    faults = ("bad.lst", "bad.lst line 2: expected labels and a path"), ("no.lst", "no.lst: No such file"), ([["x", "y"]], "item 0: expected labels")
    for imglist, message in faults:
        with pytest.raises(mx.MXNetError, match=message):
            vision.ImageListDataset(tmp_path, imglist)
    with pytest.raises(TypeError, match="imglist: expected a path or a list, got int"):
        vision.ImageListDataset(tmp_path, 3)
    with pytest.raises(mx.MXNetError, match="missing.png: expected a picture"):
        vision.ImageListDataset(tmp_path, [[1, "missing.png"]])[0]


def test_to_tensor_and_normalize():
    image = picture()
    tensor = T.ToTensor()(image)
    expected = image.asnumpy().astype("float32").transpose(2, 0, 1) / 255
    np.testing.assert_allclose(tensor.asnumpy(), expected, rtol=1e-6)
    normal = T.Normalize((0.1, 0.2, 0.3), (1, 2, 3))(tensor).asnumpy()
    np.testing.assert_allclose(normal[2], (expected[2] - 0.3) / 3, rtol=1e-5, atol=1e-6)
    assert T.Cast("float16")(image).dtype == np.float16
    assert T.ToTensor()(image.asnumpy()).shape == (3, 12, 16)
    data, label = T.ToTensor()(image, 7)
    assert label == 7 and data.shape == (3, 12, 16)


@pytest.mark.parametrize(
    "transform, shape",
    [
        (T.Resize(4), (4, 4, 3)),
        (T.Resize(6, keep_ratio=True), (6, 8, 3)),
        (T.Resize((4, 5)), (5, 4, 3)),
        (T.CenterCrop((4, 2)), (2, 4, 3)),
        (T.CenterCrop(20), (20, 20, 3)),
        (T.CropResize(1, 2, 3, 4), (4, 3, 3)),
        (T.CropResize(1, 2, 3, 4, (2, 2), 1), (2, 2, 3)),
        (T.RandomCrop((5, 6)), (6, 5, 3)),
        (T.RandomCrop(12, pad=2), (12, 12, 3)),
        (T.RandomCrop(30), (30, 30, 3)),
        (T.RandomResizedCrop((4, 5)), (5, 4, 3)),
        (T.RandomResizedCrop(4, scale=(1, 1), ratio=(9, 9)), (4, 4, 3)),
        (T.RandomFlipLeftRight(), (12, 16, 3)),
        (T.RandomColorJitter(0.3, 0.3, 0.3, 0.1), (12, 16, 3)),
        (T.RandomLighting(0.1), (12, 16, 3)),
        (T.RandomApply([T.Resize(3)], p=1), (3, 3, 3)),
        (T.RandomApply(T.Resize(3), p=0), (12, 16, 3)),
        (T.HybridCompose([T.Resize(8), lambda x: x[:4]]), (4, 8, 3)),
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_shapes_and_dtypes(transform, shape, dtype):
    out = transform(picture().astype(dtype))
    assert out.shape == shape and out.dtype == np.dtype(dtype)


def test_crops_take_the_pixels_they_say():
    image = picture(40, 50)
    pixels = image.asnumpy()
    assert (T.CenterCrop(38)(image).asnumpy() == pixels[1:39, 6:44]).all()
    assert (T.CenterCrop(39)(image).asnumpy() == pixels[0:39, 5:44]).all()  # halves go to the top left, as in MXNet
    assert (T.CropResize(3, 4, 20, 10)(image).asnumpy() == pixels[4:14, 3:23]).all()
    places = set()
    for _ in range(40):
        cut = T.RandomCrop((49, 39), pad=(1, 0), pad_value=9)(image).asnumpy()
        wide = np.pad(pixels, ((0, 0), (1, 1), (0, 0)), constant_values=9)
        places |= {(i, j) for i in range(2) for j in range(4) if (wide[i : i + 39, j : j + 49] == cut).all()}
    assert len(places) == 8
    with pytest.raises(ValueError, match="expected one inside of 50 x 40, got 20 x 10 at 40, 0"):
        T.CropResize(40, 0, 20, 10)(image)


def test_flips_and_grey():
    image = picture()
    pixels = image.asnumpy()
    assert (T.RandomFlipLeftRight(1)(image).asnumpy() == pixels[:, ::-1]).all()
    assert (T.RandomFlipTopBottom(1)(image).asnumpy() == pixels[::-1]).all()
    assert (T.RandomFlipTopBottom(0)(image).asnumpy() == pixels).all()
    flipped = [(T.RandomFlipLeftRight()(image).asnumpy() != pixels).any() for _ in range(200)]
    assert 60 < sum(flipped) < 140
    grey = T.RandomGray(1)(image).asnumpy()
    assert (np.abs(grey - (pixels @ [0.21, 0.72, 0.07])[..., None]) <= 0.51).all() and grey.dtype == np.uint8


def test_colours_change_by_one_drawn_factor():
    image = picture().astype("float32")
    pixels = image.asnumpy()
    factors = []
    for _ in range(50):
        ratio = T.RandomBrightness(0.5)(image).asnumpy()[pixels > 0] / pixels[pixels > 0]
        assert np.ptp(ratio) < 1e-4
        factors.append(ratio[0])
    assert 0.5 <= min(factors) < 0.7 and 1.3 < max(factors) <= 1.5
    for still in (T.RandomContrast(0), T.RandomSaturation(0), T.RandomBrightness(0), T.RandomLighting(0), T.RandomColorJitter()):
        np.testing.assert_allclose(still(image).asnumpy(), pixels, atol=1e-2)
    contrast = T.RandomContrast(0.5)(image).asnumpy()
    grey = (pixels @ [0.299, 0.587, 0.114]).mean()
    slope = (contrast - grey) / (pixels - grey)
    assert np.ptp(slope[np.abs(pixels - grey) > 5]) < 1e-2
    moved = T.RandomLighting(0.5)(image).asnumpy() - pixels
    assert np.abs(moved).max() > 0.1 and np.ptp(moved.reshape(-1, 3), axis=0).max() < 1e-3


def test_rotation_is_that_of_mxnet():
    ramp = mx.nd.arange(15).reshape((1, 3, 5))
    plain = [[0.103, 1.036, 3.17, 6.536, 7.426], [0.268, 3.634, 7.0, 10.366, 13.732], [3.325, 7.464, 10.829, 7.84, 1.773]]
    closer = [[1.15, 2.765, 4.746, 6.727, 8.708], [3.038, 5.019, 7.0, 8.981, 10.962], [5.292, 7.273, 9.254, 11.235, 11.477]]
    farther = [[0.0, 0.0, 1.506, 3.997, 0.0], [0.0, 1.28, 7.0, 12.72, 0.238], [0.0, 5.504, 5.891, 0.0, 0.0]]
    for options, expected in (({}, plain), ({"zoom_in": True}, closer), ({"zoom_out": True}, farther)):
        np.testing.assert_allclose(T.Rotate(30, **options)(ramp).asnumpy()[0], expected, atol=2e-3)
    both = T.Rotate(30)(mx.nd.concat(ramp, ramp + 1, dim=0).expand_dims(1)).asnumpy()
    np.testing.assert_allclose(both[0, 0], plain, atol=2e-3)
    twice = mx.nd.concat(ramp, ramp, dim=0).expand_dims(1)
    turned = T.RandomRotation((-60, 60))(twice).asnumpy()
    assert (turned[0] != turned[1]).any()
    assert (T.RandomRotation((20, 60), rotate_with_proba=0)(twice).asnumpy() == twice.asnumpy()).all()


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: T.Resize("a"), "size: expected a whole number"),
        (lambda: T.CenterCrop(0), "size: expected a whole number"),
        (lambda: T.CropResize(-1, 0, 2, 2), "box: expected x, y of at least 0"),
        (lambda: T.RandomCrop(3, pad=-1), "pad: expected a number"),
        (lambda: T.RandomResizedCrop(4, scale=(0, 0)), "scale: expected two numbers above 0"),
        (lambda: T.RandomBrightness(-1), "amount: expected at least 0"),
        (lambda: T.RandomFlipLeftRight(2), "p: expected a probability"),
        (lambda: T.Normalize(0, 0), "std: expected no zeros"),
        (lambda: T.Compose([3]), "transforms 0: expected a transform or a function, got int"),
        (lambda: T.Rotate(3, True, True), "expected at most one of zoom_in and zoom_out"),
        (lambda: T.RandomRotation((10, -10)), "angle_limits: expected two angles in order"),
        (lambda: T.Rotate(3)(picture()), "expected float32 as ToTensor makes it, got uint8"),
        (lambda: T.Rotate(3)(mx.nd.ones((2, 2))), "expected .channels, height, width. or a batch"),
        (lambda: T.ToTensor()("a"), "data: expected an NDArray or a numpy array, got str"),
        (lambda: T.Transform()(picture()), "expected the subclass to define it"),
    ],
)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises((ValueError, TypeError, NotImplementedError), match=message):
        make()


def test_a_batch_at_once_is_what_examples_one_by_one_are(mnist):
    compose = T.Compose([T.Resize((20, 24)), T.ToTensor(), T.Normalize(0.3, 0.2), T.Rotate(10), T.Cast("float16")])
    assert compose.batched and not T.Compose([T.ToTensor(), T.RandomFlipLeftRight()]).batched
    dataset = vision.MNIST(mnist).shard(2, 1)
    at_once = gd.DataLoader(dataset.transform_first(compose), 4)
    one_by_one = gd.DataLoader(dataset.transform(lambda image, label: (compose(image), label)), 4)
    also_at_once = gd.DataLoader(dataset.transform(compose), 4, num_workers=2)
    for a, b, c in zip(at_once, one_by_one, also_at_once):
        assert type(a) is type(b) is list and a[0].shape == b[0].shape and a[1].dtype == b[1].dtype == np.int32
        np.testing.assert_allclose(a[0].asnumpy(), b[0].asnumpy(), atol=2e-3)
        assert (a[0].asnumpy() == c[0].asnumpy()).all() and (a[1].asnumpy() == b[1].asnumpy()).all()


def test_last_steps_wait_for_the_batch_where_pictures_are_alike():
    sizes = []

    class Tail(T.Transform):
        batched = True

        def forward(self, x):
            sizes.append(x.shape)
            return x.astype("float32") * 2

    dataset = gd.ArrayDataset([picture(4, 5 + i // 4, seed=i) for i in range(8)], np.arange(8))
    steps = T.Compose([T.RandomFlipLeftRight(1), Tail(), T.Resize(3)])
    loader = gd.DataLoader(dataset.transform_first(steps).shard(1, 0), batch_sampler=[[0, 1], [3, 4]])
    same, mixed = (data.asnumpy() for data, _ in loader)
    assert sizes == [(2, 4, 5, 3), (4, 5, 3), (4, 6, 3)]
    for number, row in zip((0, 1, 3, 4), (*same, *mixed)):
        np.testing.assert_allclose(row, steps(dataset[number][0]).asnumpy(), rtol=1e-5)
    failing = T.Compose([T.RandomFlipLeftRight(), T.CropResize(0, 0, 5, 4), T.CropResize(0, 0, 6, 4)])
    with pytest.raises(gd.ItemError, match="batch 0, example 2: ValueError: .CropResize"):
        list(gd.DataLoader(dataset.transform_first(failing), batch_sampler=[[2, 3]]))


def test_what_is_no_picture_is_not_taken_for_a_batch():
    loader = gd.DataLoader(gd.ArrayDataset(np.zeros((8, 5, 6), "uint8"), np.arange(8)).transform_first(T.ToTensor()), 4)
    with pytest.raises(gd.ItemError, match="batch 0, example 0"):
        next(iter(loader))


@pytest.mark.parametrize("workers", [1, 3])
def test_augmentation_does_not_depend_on_the_workers(workers):
    colours = [T.RandomColorJitter(0.4, 0.4, 0.4, 0.1), T.RandomLighting(0.1)]
    augment = T.Compose([T.RandomResizedCrop(8), T.RandomFlipLeftRight(), *colours, T.ToTensor(), T.RandomRotation((-9, 9))])
    dataset = gd.ArrayDataset([picture(seed=i) for i in range(12)], np.arange(12)).transform_first(augment)

    def epochs(count):
        mx.random.seed(3)
        np.random.seed(4)
        loader = gd.DataLoader(dataset, 5, shuffle=True, num_workers=count)
        return [np.concatenate([batch.asnumpy() for batch, _ in loader]) for _ in range(2)]

    direct = epochs(0)
    assert (direct[0] != direct[1]).any()
    for first, second in zip(direct, epochs(workers)):
        assert (first == second).all()
