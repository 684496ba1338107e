package mixnet_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"

	"mixnet.dev/mixnet"
	"mixnet.dev/mixnet/capi"
)

func written(t *testing.T, records ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "some.rec")
	w, err := mixnet.CreateRecords(path)
	ok(t, err)
	for _, record := range records {
		place, err := w.Tell()
		ok(t, err)
		at, err := w.Put([]byte(record))
		ok(t, err)
		same(t, at, nil, place)
	}
	ok(t, w.Close())
	ok(t, w.Close())
	_, err = w.Put(nil)
	fails(t, err, mixnet.CodeInvalid, "expected an open one")
	return path
}

func read(t *testing.T, r *mixnet.RecordReader) (found []string) {
	t.Helper()
	ok(t, r.Each(func(record []byte) error { found = append(found, string(record)); return nil }))
	return found
}

func TestRecordsAreReadAsWritten(t *testing.T) {
	path := written(t, "one", "", "three\x0a\x23\xd7\xce....\x0a\x23\xd7\xce")
	w, err := mixnet.AppendRecords(path)
	ok(t, err)
	_, err = w.Put([]byte("four"))
	ok(t, err)
	ok(t, w.Flush())
	r, err := mixnet.OpenRecords(path)
	ok(t, err)
	defer r.Close()
	all := read(t, r)
	same(t, all, nil, []string{"one", "", "three\x0a\x23\xd7\xce....\x0a\x23\xd7\xce", "four"})
	ok(t, w.Close())
	ok(t, r.Reset())
	first, err := r.Next()
	same(t, string(first), err, "one")
	place, err := r.Tell()
	ok(t, err)
	same(t, read(t, r), nil, all[1:])
	ok(t, r.MoveTo(place))
	same(t, read(t, r), nil, all[1:])
	_, err = r.Next()
	same(t, err, nil, io.EOF)
	fails(t, r.MoveTo(-1), mixnet.CodeInvalid, "at least 0")
	stop := errors.New("enough")
	ok(t, r.Reset())
	same(t, r.Each(func([]byte) error { return stop }), nil, stop)
	var shared []string
	for i := 0; i < 3; i++ {
		share, err := mixnet.OpenRecordShare(path, i, 3)
		ok(t, err)
		shared = append(shared, read(t, share)...)
		ok(t, share.Close())
	}
	same(t, shared, nil, all)
}

func TestWhatIsNoRecordIsTold(t *testing.T) {
	path := written(t, "one", "two", "three")
	content, err := os.ReadFile(path)
	ok(t, err)
	content[12] ^= 1
	ok(t, os.WriteFile(path, content, 0o600))
	r, err := mixnet.OpenRecords(path)
	ok(t, err)
	first, err := r.Next()
	same(t, string(first), err, "one")
	_, err = r.Next()
	fails(t, err, mixnet.CodeIO, "12")
	third, err := r.Next()
	same(t, string(third), err, "three")
	ok(t, r.Close())
	_, err = r.Next()
	fails(t, err, mixnet.CodeInvalid, "expected an open one")
	_, err = mixnet.OpenRecords(path + ".missing")
	fails(t, err, mixnet.CodeIO, "missing")
	_, err = mixnet.OpenRecordShare(path, 3, 3)
	fails(t, err, mixnet.CodeInvalid, "3")
	_, err = mixnet.CreateRecords(filepath.Join(path, "beneath"))
	fails(t, err, mixnet.CodeIO, "beneath")
}

func TestRecordsByKey(t *testing.T) {
	folder := t.TempDir()
	index, path := filepath.Join(folder, "some.idx"), filepath.Join(folder, "some.rec")
	w, err := mixnet.CreateIndexedRecords(index, path)
	ok(t, err)
	for i := 0; i < 5; i++ {
		ok(t, w.PutKey(10*i, []byte(strconv.Itoa(i))))
	}
	ok(t, w.Close())
	ok(t, w.Close())
	places, err := mixnet.LoadRecordIndex(index)
	ok(t, err)
	same(t, places.Keys, nil, []int{0, 10, 20, 30, 40})
	r, err := mixnet.OpenRecords(path)
	ok(t, err)
	defer r.Close()
	for _, i := range []int{3, 0, 4} {
		record, err := places.Read(r, 10*i)
		same(t, string(record), err, strconv.Itoa(i))
	}
	_, err = places.Read(r, 7)
	fails(t, err, mixnet.CodeInvalid, "expected one of 5, got 7")
	ok(t, os.WriteFile(index, []byte("1\t0\nx 3\n"), 0o600))
	_, err = mixnet.LoadRecordIndex(index)
	fails(t, err, mixnet.CodeIO, "line 2")
}

func TestImagesArePacked(t *testing.T) {
	pixels := mixnet.Must(mixnet.FromSlice([]uint8{1, 2, 3, 40, 50, 60, 7, 80, 9, 100, 110, 120}, 2, 2, 3))
	file, err := mixnet.EncodeImage(ctx, pixels, ".png", 3)
	ok(t, err)
	record := mixnet.PackImage(mixnet.ImageHeader{Labels: []float32{4}, ID: 9}, file)
	header, rest, err := mixnet.UnpackImage(record)
	same(t, header, err, mixnet.ImageHeader{Labels: []float32{4}, ID: 9})
	again, err := mixnet.DecodeImage(rest, 3)
	ok(t, err)
	same(t, again.Shape(), nil, []int{2, 2, 3})
	holds(t, again, nil, 1, 2, 3, 40, 50, 60, 7, 80, 9, 100, 110, 120)
	grey, err := mixnet.DecodeImage(rest, 1)
	ok(t, err)
	same(t, grey.Shape(), nil, []int{2, 2, 1})
	_, _, err = mixnet.UnpackImage(record[:20])
	fails(t, err, mixnet.CodeInvalid, "header of 24 bytes, got 20")
	several := mixnet.PackImage(mixnet.ImageHeader{Labels: []float32{1, 2, 3}}, nil)
	_, _, err = mixnet.UnpackImage(several[:32])
	fails(t, err, mixnet.CodeInvalid, "expected 3 labels")
	_, err = mixnet.DecodeImage(rest, 2)
	fails(t, err, mixnet.CodeInvalid, "expected 0, 1 or 3")
}

func TestConformanceRecords(t *testing.T) {
	replay(t, "data", func(t *testing.T, w words, arrays map[string]*mixnet.NDArray) {
		if w["records"] == nil {
			replayIterator(t, w, arrays)
			return
		}
		source := filepath.Join(conformance, w.one("records"))
		r, err := mixnet.OpenRecords(source)
		ok(t, err)
		defer r.Close()
		var packed []string
		for _, line := range w["record"] {
			record, err := r.Next()
			same(t, record, err, mixnet.Must(mixnet.Values[uint8](ctx, arrays[line[0]])))
			header, rest, err := mixnet.UnpackImage(record)
			same(t, rest, err, mixnet.Must(mixnet.Values[uint8](ctx, arrays[line[1]])))
			want := mixnet.ImageHeader{}
			flag, err := strconv.ParseUint(line[2], 10, 32)
			ok(t, err)
			want.Flag = uint32(flag)
			want.ID, err = strconv.ParseUint(line[3], 10, 64)
			ok(t, err)
			want.ID2, err = strconv.ParseUint(line[4], 10, 64)
			ok(t, err)
			for _, text := range line[5:] {
				label, err := strconv.ParseFloat(text, 32)
				ok(t, err)
				want.Labels = append(want.Labels, float32(label))
			}
			same(t, header, nil, want)
			packed = append(packed, string(mixnet.PackImage(header, rest)))
		}
		_, err = r.Next()
		same(t, err, nil, io.EOF)
		copied, err := os.ReadFile(written(t, packed...))
		ok(t, err)
		original, err := os.ReadFile(source)
		ok(t, err)
		if !bytes.Equal(copied, original) {
			t.Fatal("expected the same file")
		}
	})
}

// Closed files leave no handle.
func TestRecordsGiveHandlesBack(t *testing.T) {
	settled(t, 0)
	before, err := capi.HandleCount()
	ok(t, err)
	path := written(t, "one")
	r, err := mixnet.OpenRecords(path)
	ok(t, err)
	during, err := capi.HandleCount()
	ok(t, err)
	ok(t, r.Close())
	after, err := capi.HandleCount()
	ok(t, err)
	if !reflect.DeepEqual([]int64{during, after}, []int64{before + 1, before}) {
		t.Fatalf("expected one handle more than %d and then not, got %d and %d", before, during, after)
	}
}
