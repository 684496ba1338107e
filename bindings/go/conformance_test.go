package mixnet_test

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"mixnet.dev/mixnet"
)

// words are the lines of a case: by their first word, the others of each line.
type words map[string][][]string

func (w words) one(key string) string { return w[key][0][0] }

// replay runs a test for every case of a file, with the arrays that belong to it.
func replay(t *testing.T, stem string, run func(*testing.T, words, map[string]*mixnet.NDArray)) {
	content, err := os.ReadFile(filepath.Join(conformance, stem+".txt"))
	ok(t, err)
	arrays, err := mixnet.Load(filepath.Join(conformance, stem+".params"))
	ok(t, err)
	count := 0
	for _, block := range strings.Split(strings.TrimSpace(string(content)), "\n\n") {
		w := words{}
		for _, line := range strings.Split(block, "\n") {
			parts := strings.Split(line, " ")
			w[parts[0]] = append(w[parts[0]], parts[1:])
		}
		count++
		t.Run(w.one("case"), func(t *testing.T) { run(t, w, arrays) })
	}
	if count == 0 {
		t.Fatalf("expected cases in %s", stem)
	}
}

func (w words) tolerance(t *testing.T) (relative, absolute float64) {
	t.Helper()
	relative, err := strconv.ParseFloat(w["tolerance"][0][0], 64)
	ok(t, err)
	absolute, err = strconv.ParseFloat(w["tolerance"][0][1], 64)
	ok(t, err)
	return relative, absolute
}

func (w words) close(t *testing.T, what string, found, expected *mixnet.NDArray) {
	t.Helper()
	if found == nil || expected == nil {
		t.Fatalf("%s: expected an array, got %v and %v", what, found, expected)
	}
	if !reflect.DeepEqual(found.Shape(), expected.Shape()) || found.DType() != expected.DType() {
		t.Fatalf("%s: expected %v of %v, got %v of %v", what, expected.Shape(), expected.DType(), found.Shape(), found.DType())
	}
	got, err := mixnet.Values[float64](ctx, found)
	ok(t, err)
	want, err := mixnet.Values[float64](ctx, expected)
	ok(t, err)
	w.near(t, what, got, want)
}

func (w words) near(t *testing.T, what string, got, want []float64) {
	t.Helper()
	relative, absolute := w.tolerance(t)
	if len(got) != len(want) {
		t.Fatalf("%s: expected %d values, got %d", what, len(want), len(got))
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= absolute+relative*math.Abs(want[i])) && !(math.IsNaN(got[i]) && math.IsNaN(want[i])) && got[i] != want[i] {
			t.Fatalf("%s: value %d: expected %v, got %v", what, i, want[i], got[i])
		}
	}
}

func (w words) params(t *testing.T) mixnet.Parameters {
	t.Helper()
	values := map[string]string{}
	for _, set := range w["set"] {
		values[set[0]] = set[1]
	}
	params, err := mixnet.TextParameters(w.one("op"), values)
	ok(t, err)
	return params
}

// placed are values by input, in the order of the operator's inputs, and those inputs' names (nil where the order is all).
func placed[V any](t *testing.T, operator string, values map[string]V) (list []V, names []string) {
	t.Helper()
	schema, err := mixnet.Schema(operator)
	ok(t, err)
	if schema.Variadic != "" {
		list = make([]V, len(values))
		for name, value := range values {
			i, err := strconv.Atoi(name)
			ok(t, err)
			list[i] = value
		}
		return list, nil
	}
	for _, input := range schema.Inputs {
		if value, given := values[input.Name]; given {
			list, names = append(list, value), append(names, input.Name)
		}
	}
	if len(list) != len(values) {
		t.Fatalf("expected inputs %v, got %v", schema.Inputs, values)
	}
	return list, names
}

func TestConformanceOperatorsOnArrays(t *testing.T) {
	replay(t, "operators", func(t *testing.T, w words, arrays map[string]*mixnet.NDArray) {
		values := map[string]*mixnet.NDArray{}
		for _, in := range w["in"] {
			values[in[0]] = mixnet.Must(arrays[in[1]].Copy())
		}
		inputs, names := placed(t, w.one("op"), values)
		var outputs []*mixnet.NDArray
		options := []mixnet.CallOption{mixnet.All(&outputs)}
		if w.one("train") == "1" {
			options = append(options, mixnet.InTraining())
		}
		_, err := mixnet.Invoke(w.one("op"), inputs, names, w.params(t), options...)
		ok(t, err)
		if len(outputs) != len(w["out"]) {
			t.Fatalf("expected %d outputs, got %d", len(w["out"]), len(outputs))
		}
		for i, out := range w["out"] {
			w.close(t, "output "+out[0], outputs[i], arrays[out[1]])
		}
	})
}

func TestConformanceOperatorsAsSymbols(t *testing.T) {
	replay(t, "operators", func(t *testing.T, w words, arrays map[string]*mixnet.NDArray) {
		values, variables := map[string]*mixnet.NDArray{}, map[string]*mixnet.Symbol{}
		for _, in := range w["in"] {
			values["in"+in[0]] = mixnet.Must(arrays[in[1]].Copy())
			variables[in[0]] = mixnet.Must(mixnet.Variable("in" + in[0]))
		}
		inputs, names := placed(t, w.one("op"), variables)
		symbol, err := mixnet.Apply(w.one("op"), inputs, names, w.params(t))
		ok(t, err)
		grads := map[string]*mixnet.NDArray{}
		for _, grad := range w["grad"] {
			grads["in"+grad[0]] = mixnet.Must(mixnet.Zeros(arrays[grad[1]].Shape(), arrays[grad[1]].DType(), mixnet.CPU(0)))
		}
		e, err := symbol.Bind(mixnet.BindOptions{Args: values, States: values, Grads: grads})
		ok(t, err)
		defer e.Close()
		ok(t, e.Forward(w.one("train") == "1"))
		for i, out := range w["out"] {
			w.close(t, "output "+out[0], e.Outputs[i], arrays[out[1]])
		}
		if len(grads) == 0 {
			return
		}
		var heads []*mixnet.NDArray
		for _, head := range w["headgrad"] {
			heads = append(heads, arrays[head[1]])
		}
		ok(t, e.Backward(heads...))
		for _, grad := range w["grad"] {
			w.close(t, "gradient of "+grad[0], grads["in"+grad[0]], arrays[grad[1]])
		}
	})
}

// bound makes an executor of a case's model, with its parameters and the inputs given.
func (w words) bound(t *testing.T, req mixnet.GradReq, inputs map[string]*mixnet.NDArray) (*mixnet.Executor, map[string]*mixnet.NDArray) {
	t.Helper()
	symbol, err := mixnet.LoadSymbol(filepath.Join(conformance, w.one("symbol")))
	ok(t, err)
	params, err := mixnet.Load(filepath.Join(conformance, w.one("params")))
	ok(t, err)
	shapes := mixnet.Shapes{}
	for name, value := range inputs {
		shapes[name] = value.Shape()
	}
	e, err := symbol.SimpleBind(shapes, mixnet.SimpleBindOptions{GradReq: req})
	ok(t, err)
	for name, value := range params {
		kind, name, _ := strings.Cut(name, ":")
		ok(t, value.CopyTo(map[string]map[string]*mixnet.NDArray{"arg": e.Args, "aux": e.States}[kind][name]))
	}
	for name, value := range inputs {
		ok(t, value.CopyTo(e.Args[name]))
	}
	return e, params
}

func TestConformanceModels(t *testing.T) {
	replay(t, "models", func(t *testing.T, w words, arrays map[string]*mixnet.NDArray) {
		inputs, shapes := map[string]*mixnet.NDArray{}, mixnet.Shapes{}
		for _, in := range w["input"] {
			inputs[in[0]], shapes[in[0]] = arrays[in[1]], arrays[in[1]].Shape()
		}
		e, _ := w.bound(t, mixnet.GradNull, inputs)
		defer e.Close()
		ok(t, e.Forward(false))
		json, err := os.ReadFile(filepath.Join(conformance, w.one("symbol")))
		ok(t, err)
		params, err := os.ReadFile(filepath.Join(conformance, w.one("params")))
		ok(t, err)
		p, err := mixnet.NewPredictor(string(json), params, shapes, mixnet.PredictorOptions{})
		ok(t, err)
		defer p.Close()
		for name, value := range inputs {
			ok(t, mixnet.SetInput(p, name, mixnet.Must(mixnet.Values[float32](ctx, value))))
		}
		ok(t, p.Forward())
		for i, out := range w["output"] {
			w.close(t, "executor's output "+out[0], e.Outputs[i], arrays[out[1]])
			found := mixnet.Must(mixnet.GetOutput[float32](p, i))
			w.close(t, "predictor's output "+out[0], mixnet.Must(mixnet.FromSlice(found, e.Outputs[i].Shape()...)), arrays[out[1]])
		}
	})
}

func TestConformanceSeeds(t *testing.T) {
	replay(t, "seeds", func(t *testing.T, w words, arrays map[string]*mixnet.NDArray) {
		seed, err := strconv.ParseInt(w.one("seed"), 10, 64)
		ok(t, err)
		ok(t, mixnet.Seed(seed))
		drawn, err := mixnet.Invoke(w.one("op"), nil, nil, w.params(t))
		ok(t, err)
		w.close(t, "draw", drawn, arrays[w["out"][0][1]])
	})
}

// given are an optimizer's name and options as texts.
type given struct {
	name    string
	options map[string]string
}

func (g given) Options() (string, map[string]string) { return g.name, g.options }

func TestConformanceTraining(t *testing.T) {
	replay(t, "training", func(t *testing.T, w words, arrays map[string]*mixnet.NDArray) {
		data, label := arrays[w.one("data")], arrays[w.one("label")]
		batch, err := strconv.Atoi(w.one("batch"))
		ok(t, err)
		first := map[string]*mixnet.NDArray{"data": mixnet.Must(data.Slice(0, batch)), "softmax_label": mixnet.Must(label.Slice(0, batch))}
		e, params := w.bound(t, mixnet.GradWrite, first)
		defer e.Close()
		options := given{w.one("optimizer"), map[string]string{}}
		for _, option := range w["option"] {
			options.options[option[0]] = option[1]
		}
		optimizer, err := mixnet.NewOptimizer(options)
		ok(t, err)
		defer optimizer.Close()
		var names []string
		var weights, grads []*mixnet.NDArray
		for key := range params {
			if kind, name, _ := strings.Cut(key, ":"); kind == "arg" {
				names, weights, grads = append(names, name), append(weights, e.Args[name]), append(grads, e.Grads[name])
			}
		}
		metric := mixnet.CrossEntropy()
		for _, step := range w["step"] {
			i, err := strconv.Atoi(step[0])
			ok(t, err)
			loss, err := strconv.ParseFloat(step[1], 64)
			ok(t, err)
			row := (i - 1) * batch % data.Shape()[0]
			ok(t, mixnet.Must(data.Slice(row, row+batch)).CopyTo(e.Args["data"]))
			ok(t, mixnet.Must(label.Slice(row, row+batch)).CopyTo(e.Args["softmax_label"]))
			ok(t, e.Forward(true))
			metric.Reset()
			ok(t, metric.Update(ctx, []*mixnet.NDArray{e.Args["softmax_label"]}, e.Outputs))
			ok(t, e.Backward())
			ok(t, optimizer.Update(names, weights, grads))
			w.near(t, "loss of step "+step[0], []float64{mixnet.Must(metric.Values(ctx))[0].Value}, []float64{loss})
		}
		for _, final := range w["final"] {
			found := e.Args[final[0]]
			if found == nil {
				found = e.States[final[0]]
			}
			w.close(t, final[0], found, arrays[final[1]])
		}
	})
}
