package mixnet

import (
	"runtime"
	"sync"
	"unsafe"

	"mixnet.dev/mixnet/capi"
)

// RecordWriter writes a RecordIO file. Any goroutine may use it; calls take turns. Close tells whether all could be written.
type RecordWriter struct {
	resource[capi.RecordWriter]
	turn sync.Mutex
}

// CreateRecords makes a new file of records, over one that is there.
func CreateRecords(path string) (*RecordWriter, error) { return writeRecords(path, 0) }

// AppendRecords goes on at the end of a file of records.
func AppendRecords(path string) (*RecordWriter, error) { return writeRecords(path, 1) }

func writeRecords(path string, extend int32) (*RecordWriter, error) {
	handle, err := capi.RecordWriterCreate(path, extend)
	if err != nil {
		return nil, err
	}
	w := &RecordWriter{resource: resource[capi.RecordWriter]{handle: handle, free: capi.RecordWriterFree}}
	runtime.SetFinalizer(w, func(w *RecordWriter) { w.close() })
	return w, nil
}

// Close ends the writing: without an error all records are in the file.
func (w *RecordWriter) Close() error {
	w.turn.Lock()
	defer w.turn.Unlock()
	if w.closed.Load() {
		return nil
	}
	err := capi.RecordWriterFlush(w.handle, 1)
	w.close()
	return err
}

// Flush returns when the records so far are in the file.
func (w *RecordWriter) Flush() error {
	w.turn.Lock()
	defer w.turn.Unlock()
	handle, err := w.open("RecordWriter.Flush")
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(w)
	return capi.RecordWriterFlush(handle, 0)
}

// Put writes a record of less than 2^29 bytes, and returns the place where it begins.
func (w *RecordWriter) Put(record []byte) (place int64, err error) {
	w.turn.Lock()
	defer w.turn.Unlock()
	handle, err := w.open("RecordWriter.Put")
	if err != nil {
		return 0, err
	}
	defer runtime.KeepAlive(w)
	var start unsafe.Pointer
	if len(record) > 0 {
		start = unsafe.Pointer(&record[0])
	}
	return capi.RecordWriterWrite(handle, start, int64(len(record)))
}

// Tell is the place where the next record will begin, in bytes.
func (w *RecordWriter) Tell() (int64, error) {
	w.turn.Lock()
	defer w.turn.Unlock()
	handle, err := w.open("RecordWriter.Tell")
	if err != nil {
		return 0, err
	}
	defer runtime.KeepAlive(w)
	return capi.RecordWriterTell(handle)
}
