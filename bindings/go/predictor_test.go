package mixnet_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"mixnet.dev/mixnet"
)

// MIXNET_CONFORMANCE in the environment names another folder of cases.
var conformance = cases()

func cases() string {
	if given := os.Getenv("MIXNET_CONFORMANCE"); given != "" {
		return given
	}
	return "../../tests/conformance"
}

func mlpPredictor(t *testing.T, options mixnet.PredictorOptions) *mixnet.Predictor {
	t.Helper()
	p, err := mixnet.LoadPredictor(filepath.Join(conformance, "mlp"), 0, mixnet.Shapes{"data": {2, 8}}, options)
	ok(t, err)
	return p
}

func TestPredictorReshapes(t *testing.T) {
	p := mlpPredictor(t, mixnet.PredictorOptions{})
	defer p.Close()
	input, err := p.Input(0)
	same(t, input, err, mixnet.Tensor{Name: "data", Shape: []int{2, 8}, DType: mixnet.Float32})
	ok(t, mixnet.SetInput(p, "data", []float32{1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8}))
	ok(t, p.Forward())
	two, err := mixnet.GetOutput[float32](p, 0)
	ok(t, err)
	ok(t, p.Reshape(mixnet.Shapes{"data": {1, 8}}))
	ok(t, mixnet.SetInput(p, "data", []float32{1, 2, 3, 4, 5, 6, 7, 8}))
	for left := 1; left > 0; {
		left, err = p.ForwardSteps(1)
		ok(t, err)
	}
	one, err := mixnet.GetOutput[float32](p, 0)
	same(t, one, err, two[:len(two)/2])
	info, err := p.Info()
	if err != nil || info.Inputs != 1 || info.Outputs != 1 || info.Steps < 2 || info.Parameters == 0 {
		t.Fatalf("expected one input and output, got %+v %v", info, err)
	}
	fails(t, mixnet.SetInput(p, "data", []float32{1}), mixnet.CodeShape, "data")
	fails(t, p.Reshape(mixnet.Shapes{"none": {1}}), mixnet.CodeInvalid, "none")
	_, err = mixnet.GetOutput[float64](p, 0)
	fails(t, err, mixnet.CodeType, "expected float32, got float64")
	_, err = mixnet.NewPredictor("{", nil, nil, mixnet.PredictorOptions{})
	if err == nil {
		t.Fatal("expected an error for half a model")
	}
}

func TestPredictorStopsEarly(t *testing.T) {
	whole, part := mlpPredictor(t, mixnet.PredictorOptions{}), mlpPredictor(t, mixnet.PredictorOptions{Outputs: []string{"fc1"}})
	defer whole.Close()
	defer part.Close()
	all, err := whole.Info()
	ok(t, err)
	some, err := part.Info()
	if err != nil || some.Steps >= all.Steps {
		t.Fatalf("expected fewer steps than %d, got %d, %v", all.Steps, some.Steps, err)
	}
}

func TestPredictorClonesServeGoroutines(t *testing.T) {
	first := mlpPredictor(t, mixnet.PredictorOptions{})
	defer first.Close()
	rows := func(seed int) []float32 {
		values := make([]float32, 16)
		for i := range values {
			values[i] = float32((i*7+seed*3)%11) - 5
		}
		return values
	}
	want := make([][]float32, 4)
	for i := range want {
		ok(t, mixnet.SetInput(first, "data", rows(i)))
		ok(t, first.Forward())
		var err error
		want[i], err = mixnet.GetOutput[float32](first, 0)
		ok(t, err)
	}
	var group sync.WaitGroup
	for i := range want {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			p, err := first.Clone()
			if err != nil {
				t.Error(err)
				return
			}
			defer p.Close()
			for k := 0; k < 20; k++ {
				if err := mixnet.SetInput(p, "data", rows(i)); err != nil {
					t.Error(err)
				}
				if err := p.Forward(); err != nil {
					t.Error(err)
				}
				got, err := mixnet.GetOutput[float32](p, 0)
				if err != nil || got[0] != want[i][0] || got[1] != want[i][1] {
					t.Errorf("goroutine %d: expected %v, got %v, %v", i, want[i], got, err)
				}
			}
		}(i)
	}
	group.Wait()
}
