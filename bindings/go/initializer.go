package mixnet

import (
	"math"
	"strings"

	"mixnet.dev/mixnet/op"
)

// Initializer gives a parameter its first values; random ones come from the library, so that a seed gives the same in every language.
type Initializer interface {
	Initialize(name string, array *NDArray) error
}

// InitializerFunc makes a function an Initializer.
type InitializerFunc func(name string, array *NDArray) error

// Initialize calls f.
func (f InitializerFunc) Initialize(name string, array *NDArray) error { return f(name, array) }

// Zero is 0 everywhere, whatever the name.
func Zero() Initializer { return Constant(0) }

// One is 1 everywhere, whatever the name.
func One() Initializer { return Constant(1) }

// Constant is one value everywhere, whatever the name.
func Constant(value float64) Initializer {
	return everything(func(_ string, array *NDArray) error { return array.Fill(value) })
}

// Uniform draws weights from [-scale, scale). Like all that follow, it sets biases to 0, scales to 1 and so on, by the ends of their names.
func Uniform(scale float64) Initializer {
	return weights(func(_ string, array *NDArray) error { return drawUniform(array, scale) })
}

// Normal draws weights with a standard deviation of sigma.
func Normal(sigma float64) Initializer {
	return weights(func(_ string, array *NDArray) error { return drawNormal(array, sigma) })
}

// XavierOptions are those of Xavier; the zero value means uniform, avg and 3.
type XavierOptions struct {
	Draw      string  // uniform or gaussian
	Factor    string  // avg, in or out
	Magnitude float64 // variance times fan
}

// Xavier draws weights with variance magnitude / fan (Glorot and Bengio, 2010).
func Xavier(options XavierOptions) Initializer {
	if options.Magnitude == 0 {
		options.Magnitude = 3
	}
	return weights(func(name string, array *NDArray) error { return options.draw(name, array) })
}

// MSRAPrelu draws weights with variance 2 / ((1 + slope^2) fan) (He et al., 2015).
func MSRAPrelu(factor string, slope float64) Initializer {
	return Xavier(XavierOptions{Draw: "gaussian", Factor: factor, Magnitude: 2 / (1 + slope*slope)})
}

func (x XavierOptions) draw(name string, array *NDArray) error {
	shape := array.Shape()
	if len(shape) < 2 {
		return failf(CodeShape, "[Xavier] %s: expected at least 2 dimensions, got shape %v", name, shape)
	}
	window := float64(product(shape[2:]))
	in, out := float64(shape[1])*window, float64(shape[0])*window
	fan, known := map[string]float64{"": (in + out) / 2, "avg": (in + out) / 2, "in": in, "out": out}[x.Factor]
	if !known {
		return failf(CodeInvalid, "[Xavier] Factor: expected avg, in or out, got %q", x.Factor)
	}
	scale := math.Sqrt(x.Magnitude / fan)
	switch x.Draw {
	case "", "uniform":
		return drawUniform(array, scale)
	case "gaussian":
		return drawNormal(array, scale)
	}
	return failf(CodeInvalid, "[Xavier] Draw: expected uniform or gaussian, got %q", x.Draw)
}

func drawUniform(array *NDArray, scale float64) error {
	_, err := Invoke("_random_uniform", nil, nil, op.InternalRandomUniform{Low: op.Opt(-scale), High: op.Opt(scale), Shape: array.Shape(),
		Dtype: array.DType().String()}, Out(array), On(array.Device()))
	return err
}

func drawNormal(array *NDArray, sigma float64) error {
	_, err := Invoke("_random_normal", nil, nil, op.InternalRandomNormal{Loc: op.Opt(0.0), Scale: op.Opt(sigma), Shape: array.Shape(),
		Dtype: array.DType().String()}, Out(array), On(array.Device()))
	return err
}

// everything treats every parameter alike, whatever its name.
type everything func(name string, array *NDArray) error

func (e everything) Initialize(name string, array *NDArray) error { return e(name, array) }

// weights is a rule for weights; other parameters get constants by the ends of their names.
type weights func(name string, array *NDArray) error

var constants = []struct {
	suffix string
	value  float64
}{
	{"bias", 0}, {"beta", 0}, {"gamma", 1}, {"running_mean", 0}, {"moving_mean", 0}, {"running_var", 1}, {"moving_var", 1}, {"moving_inv_var", 0},
	{"moving_avg", 0}, {"min", 0}, {"max", 0},
}

func (w weights) Initialize(name string, array *NDArray) error {
	if strings.HasSuffix(name, "weight") {
		return w(name, array)
	}
	for _, constant := range constants {
		if strings.HasSuffix(name, constant.suffix) {
			return array.Fill(constant.value)
		}
	}
	return failf(CodeInvalid, "[initializer] %s: expected a name that ends in weight, bias, gamma, beta or the like, or a variable with the attribute __init__", name)
}
