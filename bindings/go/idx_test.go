package mixnet_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"

	"mixnet.dev/mixnet"
)

func TestReadIdx(t *testing.T) {
	plain := []byte{0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6}
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	writer.Write(plain)
	ok(t, writer.Close())
	path := filepath.Join(t.TempDir(), "some.idx")
	for _, content := range [][]byte{plain, packed.Bytes()} {
		ok(t, os.WriteFile(path, content, 0o600))
		values, shape, err := mixnet.ReadIdx(path)
		same(t, values, err, []byte{1, 2, 3, 4, 5, 6})
		same(t, shape, nil, []int{2, 3})
	}
	for part, content := range map[string][]byte{"mark": {0, 0, 9}, "extents": plain[:7], "values": plain[:15]} {
		ok(t, os.WriteFile(path, content, 0o600))
		_, _, err := mixnet.ReadIdx(path)
		fails(t, err, mixnet.CodeIO, part+": expected")
	}
	_, _, err := mixnet.ReadIdx(path + "-none")
	if err == nil {
		t.Fatal("expected an error for a file that is not there")
	}
}
