package mixnet

import (
	"fmt"
	"os"
	"runtime"

	"mixnet.dev/mixnet/capi"
)

// Predictor runs a trained model. One goroutine at a time uses it; Clone gives each its own on the same parameters.
type Predictor struct {
	resource[capi.Predictor]
}

// PredictorOptions say more about a predictor; the zero value means float32 inputs and the model's outputs.
type PredictorOptions struct {
	// DTypes of inputs by name.
	DTypes map[string]DType
	// Outputs by name, such as "fc1" or "fc1_output": what lies behind them is not computed.
	Outputs []string
}

// NewPredictor makes a predictor from the text of NAME-symbol.json, the bytes of NAME-0001.params and the shapes of the inputs.
func NewPredictor(symbolJSON string, params []byte, inputs Shapes, options PredictorOptions) (*Predictor, error) {
	defer runtime.KeepAlive(params)
	return options.create(capi.PredictorOptionsT{SymbolJson: symbolJSON, Params: address(params), ParamsBytes: int64(len(params))}, inputs)
}

// NewPackedPredictor makes a predictor from the bytes of a packed model, which "mixnet pack" writes.
func NewPackedPredictor(packed []byte, inputs Shapes, options PredictorOptions) (*Predictor, error) {
	defer runtime.KeepAlive(packed)
	return options.create(capi.PredictorOptionsT{Packed: address(packed), PackedBytes: int64(len(packed))}, inputs)
}

func (o PredictorOptions) create(from capi.PredictorOptionsT, inputs Shapes) (*Predictor, error) {
	from.InputNames, from.InputNdims, from.InputShapes = inputs.packed()
	for _, name := range from.InputNames {
		from.InputDtypes = append(from.InputDtypes, int32(o.DTypes[name]))
	}
	from.NumInputs, from.OutputNames, from.NumOutputs = int32(len(from.InputNames)), o.Outputs, int32(len(o.Outputs))
	return wrapPredictor(capi.PredictorCreate(from))
}

// LoadPredictor makes a predictor from the checkpoint PREFIX-symbol.json and PREFIX-0001.params.
func LoadPredictor(prefix string, epoch int, inputs Shapes, options PredictorOptions) (*Predictor, error) {
	symbol, err := os.ReadFile(prefix + "-symbol.json")
	if err != nil {
		return nil, err
	}
	params, err := os.ReadFile(fmt.Sprintf("%s-%04d.params", prefix, epoch))
	if err != nil {
		return nil, err
	}
	return NewPredictor(string(symbol), params, inputs, options)
}

func wrapPredictor(handle capi.Predictor, err error) (*Predictor, error) {
	if err != nil {
		return nil, err
	}
	p := &Predictor{resource[capi.Predictor]{handle: handle, free: capi.PredictorFree}}
	runtime.SetFinalizer(p, func(p *Predictor) { p.close() })
	return p, nil
}

// Close gives the predictor back; the parameters go with the last clone.
func (p *Predictor) Close() error { return p.close() }

// Clone is another predictor on the same parameters, with inputs, outputs and memory of its own.
func (p *Predictor) Clone() (*Predictor, error) {
	handle, err := p.open("Predictor.Clone")
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(p)
	return wrapPredictor(capi.PredictorClone(handle))
}

// Reshape changes the shapes of some inputs; all inputs are zero afterwards.
func (p *Predictor) Reshape(inputs Shapes) error {
	handle, err := p.open("Predictor.Reshape")
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(p)
	names, ndims, dims := inputs.packed()
	return capi.PredictorReshape(handle, names, ndims, dims, int32(len(names)))
}

// Forward computes the outputs.
func (p *Predictor) Forward() error {
	handle, err := p.open("Predictor.Forward")
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(p)
	return capi.PredictorForward(handle)
}

// ForwardSteps runs the next kernels, from the first again after the last, and tells how many are left.
func (p *Predictor) ForwardSteps(steps int) (left int, err error) {
	handle, err := p.open("Predictor.ForwardSteps")
	if err != nil {
		return 0, err
	}
	defer runtime.KeepAlive(p)
	rest, err := capi.PredictorForwardSteps(handle, int32(steps))
	return int(rest), err
}

// SetInput copies values into an input, as many as it has, of its element type.
func SetInput[T Element](p *Predictor, name string, values []T) error {
	handle, err := p.open("SetInput")
	if err != nil {
		return err
	}
	_, width := dtypeOf[T]()
	defer runtime.KeepAlive(p)
	defer runtime.KeepAlive(values)
	return capi.PredictorSetInput(handle, name, address(values), int64(len(values)*width))
}

// GetOutput copies output i, of the element type T.
func GetOutput[T Element](p *Predictor, i int) ([]T, error) {
	described, err := p.Output(i)
	if err != nil {
		return nil, err
	}
	dtype, width := dtypeOf[T]()
	if described.DType != dtype {
		return nil, failf(CodeType, "[GetOutput %s] values: expected %v, got %v", described.Name, described.DType, dtype)
	}
	values := make([]T, product(described.Shape))
	defer runtime.KeepAlive(p)
	return values, capi.PredictorGetOutput(p.handle, int32(i), address(values), int64(len(values)*width))
}

// Tensor describes an input or output of a predictor.
type Tensor struct {
	Name  string
	Shape []int
	DType DType
}

// Input describes input i.
func (p *Predictor) Input(i int) (Tensor, error) { return p.tensor(capi.PredictorInput, i) }

// Output describes output i.
func (p *Predictor) Output(i int) (Tensor, error) { return p.tensor(capi.PredictorOutput, i) }

func (p *Predictor) tensor(describe func(capi.Predictor, int32) (capi.TensorT, error), i int) (Tensor, error) {
	handle, err := p.open("Predictor")
	if err != nil {
		return Tensor{}, err
	}
	defer runtime.KeepAlive(p)
	found, err := describe(handle, int32(i))
	if err != nil {
		return Tensor{}, err
	}
	tensor := Tensor{Name: capi.Text(found.Name), DType: DType(found.Dtype), Shape: make([]int, found.Ndim)}
	for k := range tensor.Shape {
		tensor.Shape[k] = int(found.Shape[k])
	}
	return tensor, nil
}

// PredictorInfo counts inputs, outputs and kernels, and bytes.
type PredictorInfo struct {
	Inputs, Outputs, Steps                     int
	Parameters, Arena, Naive, LowerBound, Kept int64
}

// Info of the predictor.
func (p *Predictor) Info() (PredictorInfo, error) {
	handle, err := p.open("Predictor.Info")
	if err != nil {
		return PredictorInfo{}, err
	}
	defer runtime.KeepAlive(p)
	i, err := capi.PredictorInfo(handle)
	return PredictorInfo{int(i.NumInputs), int(i.NumOutputs), int(i.NumSteps), i.ParameterBytes, i.ArenaBytes, i.NaiveBytes, i.LowerBoundBytes, i.KeptBytes}, err
}
