package mixnet

import (
	"io"
	"runtime"
	"sync"
	"unsafe"

	"mixnet.dev/mixnet/capi"
)

// RecordReader reads the records of a RecordIO file, or of one share of it. Any goroutine may use it; calls take turns.
type RecordReader struct {
	resource[capi.RecordReader]
	turn sync.Mutex
}

// OpenRecords reads the records of a file: a path, or a URI of http, https or s3.
func OpenRecords(path string) (*RecordReader, error) { return OpenRecordShare(path, 0, 1) }

// OpenRecordShare reads the records of one of so many shares of a file, counted from 0. Every record belongs to one share.
func OpenRecordShare(path string, share, shares int) (*RecordReader, error) {
	handle, err := capi.RecordReaderCreate(path, int64(share), int64(shares))
	if err != nil {
		return nil, err
	}
	r := &RecordReader{resource: resource[capi.RecordReader]{handle: handle, free: capi.RecordReaderFree}}
	runtime.SetFinalizer(r, func(r *RecordReader) { r.close() })
	return r, nil
}

// Close closes the file.
func (r *RecordReader) Close() error {
	r.turn.Lock()
	defer r.turn.Unlock()
	return r.close()
}

// Next is the next record, in memory of its own; io.EOF after the last. What is no record is an error once: the call after that goes on behind it.
func (r *RecordReader) Next() ([]byte, error) {
	r.turn.Lock()
	defer r.turn.Unlock()
	handle, err := r.open("RecordReader.Next")
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(r)
	data, size, err := capi.RecordReaderNext(handle)
	if err != nil {
		return nil, err
	}
	if data == nil {
		return nil, io.EOF
	}
	return append([]byte{}, unsafe.Slice((*byte)(data), size)...), nil
}

// Each calls a function with every record from here to the end, and stops at the first error, its own or of the file.
func (r *RecordReader) Each(do func(record []byte) error) error {
	for {
		record, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = do(record)
		}
		if err != nil {
			return err
		}
	}
}

// MoveTo goes to a place that Tell or a writer has told, also outside of the share.
func (r *RecordReader) MoveTo(place int64) error {
	if place < 0 {
		return failf(CodeInvalid, "[RecordReader.MoveTo] place: expected at least 0, got %d", place)
	}
	return r.move("RecordReader.MoveTo", place)
}

// Reset goes back to the beginning of the share.
func (r *RecordReader) Reset() error { return r.move("RecordReader.Reset", -1) }

func (r *RecordReader) move(what string, place int64) error {
	r.turn.Lock()
	defer r.turn.Unlock()
	handle, err := r.open(what)
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(r)
	return capi.RecordReaderSeek(handle, place)
}

// Tell is the place where the next record begins, in bytes.
func (r *RecordReader) Tell() (int64, error) {
	r.turn.Lock()
	defer r.turn.Unlock()
	handle, err := r.open("RecordReader.Tell")
	if err != nil {
		return 0, err
	}
	defer runtime.KeepAlive(r)
	return capi.RecordReaderTell(handle)
}
