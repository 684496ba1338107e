package mixnet_test

import (
	"math"
	"regexp"
	"testing"

	"mixnet.dev/mixnet"
)

// What Python's Module.init_params gives for the same net, seed and initializer: the first three of each weight.
func TestInitializersDrawAsPython(t *testing.T) {
	for name, c := range map[string]struct {
		rule     mixnet.Initializer
		fc1, fc2 [3]float64
	}{
		"Xavier": {mixnet.Xavier(mixnet.XavierOptions{}), [3]float64{-0.85353655, -0.44304651, 0.81433678}, [3]float64{-0.49611706, -0.28469694, -0.37011069}},
		"Xavier, gaussian": {mixnet.Xavier(mixnet.XavierOptions{Draw: "gaussian", Factor: "in", Magnitude: 2}),
			[3]float64{-1.7343985, -1.5645403, -0.23649825}, [3]float64{1.20619476, -0.58620036, 0.58007681}},
		"Uniform":   {mixnet.Uniform(0.1), [3]float64{-0.08535365, -0.04430465, 0.08143368}, [3]float64{-0.05358677, -0.03075078, -0.03997652}},
		"Normal":    {mixnet.Normal(0.2), [3]float64{-0.34687969, -0.31290805, -0.04729965}, [3]float64{0.3411634, -0.16580249, 0.16407045}},
		"MSRAPrelu": {mixnet.MSRAPrelu("out", 0.1), [3]float64{-1.22031844, -1.10080671, -0.16639958}, [3]float64{1.38588154, -0.67352659, 0.66649079}},
	} {
		ok(t, mixnet.Seed(42))
		model := mixnet.NewModel(mlp(t), mixnet.CPU(0))
		ok(t, model.InitParams(mixnet.Shapes{"data": {5, 2}, "softmax_label": {5}}, c.rule))
		for weight, want := range map[string][3]float64{"fc1_weight": c.fc1, "fc2_weight": c.fc2} {
			got := mixnet.Must(mixnet.Values[float64](ctx, model.Args[weight]))
			for i := range want {
				if math.Abs(got[i]-want[i]) > 1e-6 {
					t.Fatalf("%s %s: expected %v, got %v", name, weight, want, got[:3])
				}
			}
		}
		holds(t, model.Args["fc1_bias"], nil, 0, 0, 0, 0)
	}
}

func TestInitializersGoByName(t *testing.T) {
	for name, want := range map[string]float64{"bn_gamma": 1, "bn_beta": 0, "bn_moving_mean": 0, "bn_moving_var": 1, "fc_bias": 0} {
		a := array(t, []float32{5})
		ok(t, mixnet.Uniform(0.1).Initialize(name, a))
		holds(t, a, nil, want)
	}
	a := array(t, []float32{5, 5}, 1, 2)
	fails(t, mixnet.Uniform(0.1).Initialize("state", a), mixnet.CodeInvalid, "state: expected a name that ends in")
	mixed := mixnet.Mixed(mixnet.Rule{Pattern: regexp.MustCompile("a_.*"), Initializer: mixnet.One()}, mixnet.Rule{Pattern: regexp.MustCompile("b"), Initializer: mixnet.Constant(3)})
	ok(t, mixed.Initialize("a_state", a))
	holds(t, a, nil, 1, 1)
	ok(t, mixed.Initialize("b", a))
	holds(t, a, nil, 3, 3)
	fails(t, mixed.Initialize("c", a), mixnet.CodeInvalid, "expected a pattern")
	fails(t, mixnet.Xavier(mixnet.XavierOptions{Factor: "sideways"}).Initialize("w_weight", a), mixnet.CodeInvalid, "avg, in or out")
	fails(t, mixnet.Xavier(mixnet.XavierOptions{Draw: "dice"}).Initialize("w_weight", a), mixnet.CodeInvalid, "uniform or gaussian")
	fails(t, mixnet.Xavier(mixnet.XavierOptions{}).Initialize("w_weight", array(t, []float32{1})), mixnet.CodeShape, "at least 2 dimensions")
	x := mixnet.Must(mixnet.Variable("x"))
	ok(t, x.SetAttr("__init__", `["constant", {"value": 2.5}]`))
	model := mixnet.NewModel(mixnet.Must(x.Mul(mixnet.Must(mixnet.Variable("data")))), mixnet.CPU(0))
	ok(t, model.InitParams(mixnet.Shapes{"data": {2}, "x": {2}}, mixnet.Zero()))
}

func TestAttributesChooseInitializers(t *testing.T) {
	x := mixnet.Must(mixnet.Variable("x"))
	ok(t, x.SetAttr("__init__", `["constant", {"value": 2.5}]`))
	ok(t, x.SetAttr("__shape__", "(2,)"))
	model := mixnet.NewModel(mixnet.Must(x.Mul(mixnet.Must(mixnet.Variable("data")))), mixnet.CPU(0))
	ok(t, model.InitParams(mixnet.Shapes{"data": {2}}, mixnet.Zero()))
	holds(t, model.Args["x"], nil, 2.5, 2.5)
	ok(t, x.SetAttr("__init__", "dice"))
	model = mixnet.NewModel(mixnet.Must(x.Mul(mixnet.Must(mixnet.Variable("data")))), mixnet.CPU(0))
	fails(t, model.InitParams(mixnet.Shapes{"data": {2}}, mixnet.Zero()), mixnet.CodeInvalid, `got "dice"`)
}

// What Python's metrics give for two updates, the second with the labels reversed.
func TestMetricsAgreeWithPython(t *testing.T) {
	outputs, labels := []float32{.1, .6, .3, .5, .2, .3, .2, .2, .6, .3, .4, .3}, []float32{1, 2, 2, 0}
	two, binary := []float32{.3, .7, .8, .2, .4, .6, .1, .9}, []float32{1, 1, 0, 1}
	ranked := []float32{.1, .6, .3, .5, .2, .3, .15, .25, .6, .31, .4, .29}
	found, wanted := []float32{1, 2, 3.5, -1}, []float32{1.5, 2, 3, 0}
	share := mixnet.CustomMetric("share", func(labels, outputs []float32, shape []int) (float64, int, error) {
		return float64(len(labels)), shape[0] * shape[1], nil
	})
	for _, c := range []struct {
		metric          mixnet.Metric
		outputs, labels []float32
		shape           []int
		name            string
		want            float64
	}{
		{mixnet.Accuracy(), outputs, labels, []int{4, 3}, "accuracy", 0.5}, {mixnet.TopK(2), ranked, labels, []int{4, 3}, "top_k_accuracy_2", 0.875},
		{mixnet.CrossEntropy(), outputs, labels, []int{4, 3}, "cross-entropy", 1.0454089}, {mixnet.F1(), two, binary, []int{4, 2}, "f1", 0.8333333},
		{mixnet.MSE(), found, wanted, []int{4}, "mse", 1.5}, {mixnet.MAE(), found, wanted, []int{4, 1}, "mae", 1}, {mixnet.RMSE(), found, wanted, []int{4}, "rmse", 1.1162788},
		{share, outputs, labels, []int{4, 3}, "share", 1. / 3},
	} {
		if value := mixnet.Must(c.metric.Values(ctx))[0].Value; !math.IsNaN(value) {
			t.Fatalf("%s: expected NaN before the first update, got %v", c.name, value)
		}
		reversed := make([]float32, len(c.labels))
		for i, label := range c.labels {
			reversed[len(reversed)-1-i] = label
		}
		for _, labels := range [][]float32{c.labels, reversed} {
			ok(t, c.metric.Update(ctx, []*mixnet.NDArray{array(t, labels)}, []*mixnet.NDArray{array(t, c.outputs, c.shape...)}))
		}
		got := mixnet.Must(c.metric.Values(ctx))[0]
		if got.Name != c.name || math.Abs(got.Value-c.want) > 1e-6 {
			t.Fatalf("expected %s=%v, got %v", c.name, c.want, got)
		}
		c.metric.Reset()
		if c.metric.Update(ctx, []*mixnet.NDArray{array(t, []float32{1})}, []*mixnet.NDArray{array(t, c.outputs, c.shape...)}) == nil && c.name != "share" && c.name != "top_k_accuracy_2" {
			t.Fatalf("%s: expected an error for too few labels", c.name)
		}
		if c.metric.Update(ctx, nil, []*mixnet.NDArray{array(t, c.outputs, c.shape...)}) == nil {
			t.Fatalf("%s: expected an error without labels", c.name)
		}
	}
}

func TestSchedulesAgreeWithPython(t *testing.T) {
	for name, c := range map[string]struct {
		schedule mixnet.Schedule
		want     []float64
	}{
		"factor":       {mixnet.FactorSchedule(1, 0.5, 3, 0.2), []float64{1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2}},
		"multi":        {mixnet.MultiFactorSchedule(1, 0.1, 2, 5), []float64{1, 1, 0.1, 0.1, 0.1, 0.01, 0.01}},
		"poly":         {mixnet.PolySchedule(1, 0.1, 2, 0, 10), []float64{0.829, 0.676, 0.541, 0.424, 0.325, 0.244, 0.181, 0.136, 0.109, 0.1, 0.1}},
		"cosine":       {mixnet.CosineSchedule(1, 0.1, 0, 10), []float64{0.977975, 0.914058, 0.814503, 0.689058, 0.55, 0.410942, 0.285497, 0.185942, 0.122025, 0.1, 0.1}},
		"warm up":      {mixnet.Warmup(0.2, 1, 4, mixnet.CosineSchedule(1, 0.1, 4, 10)), []float64{0.4, 0.6, 0.8, 1, 0.939711, 0.775, 0.55, 0.325, 0.160289, 0.1, 0.1}},
		"warm, factor": {mixnet.Warmup(0.2, 1, 4, mixnet.FactorSchedule(1, 0.5, 3, 0)), []float64{0.4, 0.6, 0.8, 0.5, 0.5, 0.5, 0.25}},
	} {
		for i, want := range c.want {
			if got := c.schedule(i + 1); math.Abs(got-want) > 1e-6 {
				t.Fatalf("%s: update %d: expected %v, got %v", name, i+1, want, got)
			}
		}
	}
}
