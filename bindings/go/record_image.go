package mixnet

import (
	"context"
	"encoding/binary"
	"math"

	"mixnet.dev/mixnet/op"
)

const imageHeaderSize = 24

// ImageHeader stands before an image in a record. A record with one label keeps it in the header itself, with a Flag of 0; else Flag counts labels that follow it.
type ImageHeader struct {
	Flag    uint32
	Labels  []float32
	ID, ID2 uint64
}

// PackImage makes an image record of a header and what follows it, mostly the bytes of a JPEG or PNG file. Flag is as one reads it back: one label and a Flag of 0
// stay in the header, else the labels follow it and are counted.
func PackImage(header ImageHeader, content []byte) []byte {
	flag, first := uint32(len(header.Labels)), float32(0)
	if len(header.Labels) == 1 && header.Flag == 0 {
		flag, first = 0, header.Labels[0]
	}
	record := make([]byte, 0, imageHeaderSize+4*int(flag)+len(content))
	record = binary.LittleEndian.AppendUint32(record, flag)
	record = binary.LittleEndian.AppendUint32(record, math.Float32bits(first))
	record = binary.LittleEndian.AppendUint64(record, header.ID)
	record = binary.LittleEndian.AppendUint64(record, header.ID2)
	if flag > 0 {
		for _, label := range header.Labels {
			record = binary.LittleEndian.AppendUint32(record, math.Float32bits(label))
		}
	}
	return append(record, content...)
}

// UnpackImage gives the header of an image record and what follows it, which shares the record's memory.
func UnpackImage(record []byte) (ImageHeader, []byte, error) {
	if len(record) < imageHeaderSize {
		return ImageHeader{}, nil, failf(CodeInvalid, "[UnpackImage] record: expected a header of %d bytes, got %d bytes", imageHeaderSize, len(record))
	}
	little := binary.LittleEndian
	header := ImageHeader{Flag: little.Uint32(record), ID: little.Uint64(record[8:]), ID2: little.Uint64(record[16:])}
	labels, content := record[4:8], record[imageHeaderSize:]
	if header.Flag > 0 {
		if uint64(len(content)) < 4*uint64(header.Flag) {
			return ImageHeader{}, nil, failf(CodeInvalid, "[UnpackImage] record: expected %d labels behind the header, got %d bytes", header.Flag, len(content))
		}
		labels, content = content[:4*header.Flag], content[4*header.Flag:]
	}
	for ; len(labels) > 0; labels = labels[4:] {
		header.Labels = append(header.Labels, math.Float32frombits(little.Uint32(labels)))
	}
	return header, content, nil
}

// EncodeImage is a picture as the bytes of a file: ".jpg" with a quality of 1 to 100, or ".png" with a compression of 0 to 9. pixels are (height, width, channels)
// of Uint8, red first.
func EncodeImage(ctx context.Context, pixels *NDArray, kind string, quality int) ([]byte, error) {
	file, err := Invoke("_cvimencode", []*NDArray{pixels}, []string{"img"}, op.InternalCvimencode{Ext: kind, Quality: &quality})
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return Values[uint8](ctx, file)
}

// DecodeImage gives the pixels of a JPEG or PNG file: (height, width, channels) of Uint8, red first. channels are 3, 1 (grey), or 0: as in the file.
func DecodeImage(content []byte, channels int) (*NDArray, error) {
	flag, known := map[int]int{3: 1, 1: 0, 0: -1}[channels]
	if !known {
		return nil, failf(CodeInvalid, "[DecodeImage] channels: expected 0, 1 or 3, got %d", channels)
	}
	bytes, err := FromSlice(content)
	if err != nil {
		return nil, err
	}
	defer bytes.Close()
	return Invoke("_cvimdecode", []*NDArray{bytes}, []string{"buf"}, op.InternalCvimdecode{Flag: &flag})
}
