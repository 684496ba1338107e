package mixnet

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// RecordIndex is what an .idx file tells: the places of records by key, and the keys in the file's order.
type RecordIndex struct {
	Keys   []int
	Places map[int]int64
}

// LoadRecordIndex reads an .idx file, whose lines are a key, a tab and a place.
func LoadRecordIndex(path string) (*RecordIndex, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	index := &RecordIndex{Places: map[int]int64{}}
	for number, line := range strings.Split(strings.TrimSuffix(string(content), "\n"), "\n") {
		if line == "" && len(content) == 0 {
			break
		}
		first, second, _ := strings.Cut(strings.TrimSuffix(line, "\r"), "\t")
		key, keyErr := strconv.Atoi(first)
		place, placeErr := strconv.ParseInt(second, 10, 64)
		if keyErr != nil || placeErr != nil {
			return nil, failf(CodeIO, "[LoadRecordIndex %s] line %d: expected a key, a tab and a place, got %q", path, number+1, line)
		}
		index.Keys = append(index.Keys, key)
		index.Places[key] = place
	}
	return index, nil
}

// Read is the record that a key stands for.
func (x *RecordIndex) Read(from *RecordReader, key int) ([]byte, error) {
	place, known := x.Places[key]
	if !known {
		return nil, failf(CodeInvalid, "[RecordIndex.Read] key: expected one of %d, got %d", len(x.Keys), key)
	}
	if err := from.MoveTo(place); err != nil {
		return nil, err
	}
	return from.Next()
}

// IndexedRecordWriter writes a file of records, and the .idx file beside it. One goroutine at a time uses it.
type IndexedRecordWriter struct {
	*RecordWriter
	index *os.File
	lines *bufio.Writer
}

// CreateIndexedRecords makes both files anew.
func CreateIndexedRecords(indexPath, path string) (*IndexedRecordWriter, error) {
	records, err := CreateRecords(path)
	if err != nil {
		return nil, err
	}
	index, err := os.Create(indexPath)
	if err != nil {
		records.Close()
		return nil, err
	}
	return &IndexedRecordWriter{records, index, bufio.NewWriter(index)}, nil
}

// PutKey writes a record and its key.
func (w *IndexedRecordWriter) PutKey(key int, record []byte) error {
	place, err := w.Put(record)
	if err == nil {
		_, err = fmt.Fprintf(w.lines, "%d\t%d\n", key, place)
	}
	return err
}

// Close ends both files, and returns the first error.
func (w *IndexedRecordWriter) Close() error {
	err := w.RecordWriter.Close()
	if w.index == nil {
		return err
	}
	for _, end := range []func() error{w.lines.Flush, w.index.Close} {
		if failed := end(); err == nil {
			err = failed
		}
	}
	w.index = nil
	return err
}
