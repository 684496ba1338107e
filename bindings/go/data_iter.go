package mixnet

import (
	"context"
	"encoding/json"
	"io"
	"runtime"
	"sync"
	"unsafe"

	"mixnet.dev/mixnet/capi"
)

// IteratorOptions name an iterator of the library and its parameters; the structs of package iters do.
type IteratorOptions interface {
	Options() (name string, parameters map[string]string)
}

// DataIter gives batches that the library reads, decodes and joins on its threads, ahead of who asks. It is a DataProvider. Any goroutine may use it; calls take
// turns.
type DataIter struct {
	resource[capi.DataIter]
	turn         sync.Mutex
	data, labels []ArrayDescription
	begun        bool // something was read since the epoch began
}

// ArrayDescription tells of an array of a batch.
type ArrayDescription struct {
	Name   string `json:"name"`
	Shape  []int  `json:"shape"`
	DType  string `json:"dtype"`
	Layout string `json:"layout"`
}

// DataReport tells what an iterator met so far: examples given, those that could not be read, and what was wrong with the first hundred of them.
type DataReport struct {
	Examples int64    `json:"examples"`
	Skipped  int64    `json:"skipped"`
	Faults   []string `json:"faults"`
}

// Batch is what an iterator gives: its own arrays, which stay after the next batch. Pad examples at the end only fill it up; IDs are nil where examples have none.
type Batch struct {
	Data, Labels []*NDArray
	Pad          int
	IDs          []uint64
}

// Close gives the arrays back.
func (b *Batch) Close() error {
	for _, list := range [][]*NDArray{b.Data, b.Labels} {
		for _, array := range list {
			array.Close()
		}
	}
	return nil
}

// NewDataIter makes an iterator. Its arrays are named data and softmax_label.
func NewDataIter(options IteratorOptions) (*DataIter, error) {
	name, given := options.Options()
	keys := sortedKeys(given)
	values := make([]string, len(keys))
	for i, key := range keys {
		values[i] = given[key]
	}
	handle, err := capi.DataIterCreate(name, keys, values, int32(len(keys)))
	if err != nil {
		return nil, err
	}
	d := &DataIter{resource: resource[capi.DataIter]{handle: handle, free: capi.DataIterFree}}
	runtime.SetFinalizer(d, func(d *DataIter) { d.close() })
	described, err := d.describe()
	d.data, d.labels = described.Data, described.Label
	return d, err
}

type iterDescription struct {
	Data, Label []ArrayDescription
	Report      DataReport
}

func (d *DataIter) describe() (found iterDescription, err error) {
	d.turn.Lock()
	defer d.turn.Unlock()
	handle, err := d.open("DataIter")
	if err != nil {
		return found, err
	}
	defer runtime.KeepAlive(d)
	text, err := capi.DataIterDescribe(handle)
	if err != nil {
		return found, err
	}
	return found, json.Unmarshal([]byte(*text), &found)
}

// Close ends the iterator at any point of an epoch. Batches that were given stay.
func (d *DataIter) Close() error {
	d.turn.Lock()
	defer d.turn.Unlock()
	return d.close()
}

// Rename gives other names to the arrays, those of the symbol's arguments; nil leaves names as they are.
func (d *DataIter) Rename(data, labels []string) error {
	for _, group := range []struct {
		names []string
		own   []ArrayDescription
	}{{data, d.data}, {labels, d.labels}} {
		if group.names != nil && len(group.names) != len(group.own) {
			return failf(CodeInvalid, "[DataIter.Rename] expected %d names, got %v", len(group.own), group.names)
		}
		for i, name := range group.names {
			group.own[i].Name = name
		}
	}
	return nil
}

// Report tells what was met so far.
func (d *DataIter) Report() (DataReport, error) {
	found, err := d.describe()
	return found.Report, err
}

// DescribeData and DescribeLabels tell of the arrays of a batch.
func (d *DataIter) DescribeData() []ArrayDescription   { return d.data }
func (d *DataIter) DescribeLabels() []ArrayDescription { return d.labels }

// Shapes of a batch by name.
func (d *DataIter) Shapes() Shapes {
	found := Shapes{}
	for _, group := range [][]ArrayDescription{d.data, d.labels} {
		for _, array := range group {
			found[array.Name] = array.Shape
		}
	}
	return found
}

// Labels by name.
func (d *DataIter) Labels() []string {
	var names []string
	for _, label := range d.labels {
		names = append(names, label.Name)
	}
	return names
}

// Reset begins the next epoch, also after an error; one of which nothing was read goes on.
func (d *DataIter) Reset() error {
	d.turn.Lock()
	defer d.turn.Unlock()
	handle, err := d.open("DataIter.Reset")
	if err != nil || !d.begun {
		return err
	}
	d.begun = false
	defer runtime.KeepAlive(d)
	return capi.DataIterReset(handle)
}

// Read is the next batch; io.EOF at the end of the epoch. A wait that the context ends can be repeated; after other errors the next epoch has to be begun.
func (d *DataIter) Read(ctx context.Context) (*Batch, error) {
	d.turn.Lock()
	defer d.turn.Unlock()
	handle, err := d.open("DataIter.Read")
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(d)
	d.begun = true
	var more int32
	err = waiting(ctx, func(wait *capi.WaitT) (err error) {
		more, err = capi.DataIterNext(handle, wait)
		return err
	})
	if err != nil {
		return nil, err
	}
	if more == 0 {
		return nil, io.EOF
	}
	vector, count, pad, ids, known, err := capi.DataIterBatch(handle)
	if err != nil {
		return nil, err
	}
	var arrays []*NDArray
	for _, handle := range capi.NdarrayList(vector, count) {
		arrays = append(arrays, wrap(handle))
	}
	batch := &Batch{Data: arrays[:len(d.data)], Labels: arrays[len(d.data):], Pad: int(pad)}
	if known > 0 {
		batch.IDs = append(batch.IDs, unsafe.Slice((*uint64)(unsafe.Pointer(ids)), known)...)
	}
	return batch, nil
}

// Next writes the next batch into arrays by name.
func (d *DataIter) Next(into map[string]*NDArray) (pad int, err error) {
	return d.NextIn(context.Background(), into)
}

// NextIn is Next with a context that ends the wait.
func (d *DataIter) NextIn(ctx context.Context, into map[string]*NDArray) (pad int, err error) {
	batch, err := d.Read(ctx)
	if err != nil {
		return 0, err
	}
	defer batch.Close()
	for i, described := range d.data {
		if target := into[described.Name]; target != nil && err == nil {
			err = batch.Data[i].CopyTo(target)
		}
	}
	for i, described := range d.labels {
		if target := into[described.Name]; target != nil && err == nil {
			err = batch.Labels[i].CopyTo(target)
		}
	}
	return batch.Pad, err
}

// nextBatch lets the context end the wait of a provider that knows how.
func nextBatch(ctx context.Context, data DataProvider, into map[string]*NDArray) (pad int, err error) {
	if patient, can := data.(interface {
		NextIn(context.Context, map[string]*NDArray) (int, error)
	}); can {
		return patient.NextIn(ctx, into)
	}
	return data.Next(into)
}
