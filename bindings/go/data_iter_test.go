package mixnet_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"mixnet.dev/mixnet"
	"mixnet.dev/mixnet/capi"
	"mixnet.dev/mixnet/iters"
	"mixnet.dev/mixnet/op"
	"mixnet.dev/mixnet/optim"
)

func replayIterator(t *testing.T, w words, arrays map[string]*mixnet.NDArray) {
	options := given{w.one("iterator"), map[string]string{}}
	for _, set := range w["set"] {
		options.options[set[0]] = set[1]
	}
	for _, file := range w["file"] {
		options.options[file[0]] = filepath.Join(conformance, file[1])
	}
	d, err := mixnet.NewDataIter(options)
	ok(t, err)
	defer d.Close()
	last := w["batch"][0][0]
	next := func(epoch string) {
		_, err := d.Read(ctx)
		same(t, err, nil, io.EOF)
		ok(t, d.Reset())
		last = epoch
	}
	w["tolerance"] = [][]string{{"0", "0"}}
	for _, line := range w["batch"] {
		if line[0] != last {
			next(line[0])
		}
		batch, err := d.Read(ctx)
		ok(t, err)
		same(t, strconv.Itoa(batch.Pad), nil, line[1])
		w.close(t, line[2], batch.Data[0], arrays[line[2]])
		w.close(t, line[3], batch.Labels[0], arrays[line[3]])
		ok(t, batch.Close())
	}
	next("")
}

// cornersFile is a CSV file of points in the corners of a square, and one of the sides they are on.
func cornersFile(t *testing.T) iters.CSVIter {
	t.Helper()
	var points, classes strings.Builder
	for i := 0; i < 40; i++ {
		corner, shift := i%4, float64(i)/400
		points.WriteString(strconv.FormatFloat(float64(corner%2)*2-1+shift, 'g', 6, 64) + "," + strconv.Itoa(corner/2*2-1) + "\n")
		classes.WriteString(strconv.Itoa(corner%2) + "\n")
	}
	folder := t.TempDir()
	data, labels := filepath.Join(folder, "points.csv"), filepath.Join(folder, "classes.csv")
	ok(t, os.WriteFile(data, []byte(points.String()), 0o600))
	ok(t, os.WriteFile(labels, []byte(classes.String()), 0o600))
	return iters.CSVIter{DataCsv: data, DataShape: []int{2}, LabelCsv: labels, BatchSize: op.Opt(10)}
}

func TestModelsLearnFromIterators(t *testing.T) {
	settled(t, 0)
	before, err := capi.HandleCount()
	ok(t, err)
	d, err := mixnet.NewDataIter(cornersFile(t))
	ok(t, err)
	ok(t, mixnet.Seed(1))
	model := mixnet.NewModel(mlp(t), mixnet.CPU(0))
	options := mixnet.FitOptions{Epochs: 20, Optimizer: optim.SGD{LearningRate: op.Opt(0.5)}, Initializer: mixnet.Uniform(0.5)}
	ok(t, model.Fit(ctx, d, options))
	score, err := model.Score(ctx, d, mixnet.Accuracy())
	ok(t, err)
	if score[0].Value < 0.95 {
		t.Fatalf("expected an accuracy of 0.95, got %v", score)
	}
	report, err := d.Report()
	same(t, report, err, mixnet.DataReport{Examples: 21 * 40, Faults: []string{}})
	ok(t, model.Close())
	ok(t, d.Close())
	if after := settled(t, before); after > before {
		t.Fatalf("expected %d handles, got %d", before, after)
	}
}

func TestIteratorsTellWhatIsWrong(t *testing.T) {
	options := cornersFile(t)
	_, err := mixnet.NewDataIter(iters.CSVIter{DataCsv: options.DataCsv + ".missing", DataShape: []int{2}})
	fails(t, err, mixnet.CodeIO, "missing")
	_, err = mixnet.NewDataIter(iters.CSVIter{DataCsv: options.DataCsv})
	fails(t, err, mixnet.CodeInvalid, "data_shape")
	_, err = mixnet.NewDataIter(given{"NoIter", nil})
	fails(t, err, mixnet.CodeInvalid, "NoIter")
	content, err := os.ReadFile(options.DataCsv)
	ok(t, err)
	lines := strings.Split(string(content), "\n")
	lines[15] = "1,x"
	ok(t, os.WriteFile(options.DataCsv, []byte(strings.Join(lines, "\n")), 0o600))
	d, err := mixnet.NewDataIter(options)
	ok(t, err)
	for epoch := 0; epoch < 2; epoch++ {
		batch, err := d.Read(ctx)
		ok(t, err)
		same(t, batch.Data[0].Shape(), nil, []int{10, 2})
		_, err = d.Read(ctx)
		fails(t, err, mixnet.CodeIO, "16")
		ok(t, d.Reset())
	}
	fails(t, d.Rename([]string{"a", "b"}, nil), mixnet.CodeInvalid, "expected 1 names")
	ok(t, d.Rename([]string{"points"}, []string{"corner"}))
	same(t, d.Shapes(), nil, mixnet.Shapes{"points": {10, 2}, "corner": {10}})
	same(t, d.Labels(), nil, []string{"corner"})
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := d.NextIn(ended, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("expected the context's error, got %v", err)
	}
	ok(t, d.Close())
	_, err = d.Read(ctx)
	fails(t, err, mixnet.CodeInvalid, "expected an open one")
}
