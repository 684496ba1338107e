package mixnet

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"io"
	"os"
)

// ReadIdx reads an idx file of bytes, such as those of MNIST, gzip'ed or not: its values in row-major order, and its extents.
func ReadIdx(path string) (values []byte, shape []int, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	buffered := bufio.NewReader(file)
	from := io.Reader(buffered)
	if mark, err := buffered.Peek(2); err == nil && mark[0] == 0x1f && mark[1] == 0x8b {
		if from, err = gzip.NewReader(buffered); err != nil {
			return nil, nil, err
		}
	}
	var mark [4]byte
	if _, err := io.ReadFull(from, mark[:]); err != nil || mark[0] != 0 || mark[1] != 0 || mark[2] != 8 || mark[3] == 0 || mark[3] > 8 {
		return nil, nil, failf(CodeIO, "[ReadIdx %s] mark: expected 0 0 8 and 1 to 8 axes, got % x", path, mark)
	}
	extents := make([]uint32, mark[3])
	if err := binary.Read(from, binary.BigEndian, extents); err != nil {
		return nil, nil, failf(CodeIO, "[ReadIdx %s] extents: expected %d, got %v", path, len(extents), err)
	}
	for _, extent := range extents {
		shape = append(shape, int(extent))
	}
	if values, err = io.ReadAll(from); err != nil || len(values) != product(shape) {
		return nil, nil, failf(CodeIO, "[ReadIdx %s] values: expected %d for the shape %v, got %d", path, product(shape), shape, len(values))
	}
	return values, shape, nil
}
