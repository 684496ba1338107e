"""Pictures in a file of records, as im2rec packs them."""

from .... import recordio
from ....base import MXNetError
from ..dataset import RecordFileDataset


class ImageRecordDataset(RecordFileDataset):
    """Pairs (picture, label) of a `.rec` file with its `.idx` file. A picture is decoded when it is asked for; several labels come as an array.

    Parameters
    ----------
    filename : str
    flag : {1, 0}
        1 decodes to (height, width, 3), red first, 0 to grey (height, width, 1).
    transform : callable, optional
        ``transform(picture, label)`` makes an example.

    Raises
    ------
    MXNetError
        For missing files and, when it is asked for, a record that is no picture, with its number.
    """

    def __init__(self, filename, flag=1, transform=None):
        super().__init__(filename)
        self._flag, self._transform = flag, transform

    def __getitem__(self, idx):
        from .... import image

        record = super().__getitem__(idx)
        try:
            header, content = recordio.unpack(record)
            picture = image.imdecode(content, self._flag)
            picture.wait_to_read()  # errors of decoding come with the array
        except (MXNetError, ValueError) as error:
            raise MXNetError(f"[ImageRecordDataset {self.filename}] record {idx}: expected a picture, got {error}") from error
        return (picture, header.label) if self._transform is None else self._transform(picture, header.label)
