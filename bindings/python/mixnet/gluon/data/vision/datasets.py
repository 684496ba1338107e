"""Datasets of pictures, by the names of MXNet's module."""

from .cifar import CIFAR10, CIFAR100
from .image_files import ImageFolderDataset, ImageListDataset
from .image_records import ImageRecordDataset
from .mnist import MNIST, FashionMNIST

__all__ = ["CIFAR10", "CIFAR100", "FashionMNIST", "ImageFolderDataset", "ImageListDataset", "ImageRecordDataset", "MNIST"]
