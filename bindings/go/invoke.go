package mixnet

import (
	"runtime"
	"sync"

	"mixnet.dev/mixnet/capi"
)

// Parameters are an operator's parameters; the structs of package op are.
type Parameters interface {
	Encode(*capi.Args)
}

// CallOption says more about one call of an operator on arrays.
type CallOption func(*call)

type call struct {
	out      []*NDArray
	all      *[]*NDArray
	device   Device
	training int32
}

// Out lets the operator write into arrays that are there, which the call returns.
func Out(arrays ...*NDArray) CallOption { return func(c *call) { c.out = arrays } }

// All stores all outputs of the operator, not only the first that the call returns.
func All(outputs *[]*NDArray) CallOption { return func(c *call) { c.all = outputs } }

// On says where an operator without inputs works.
func On(device Device) CallOption { return func(c *call) { c.device = device } }

// InTraining runs the operator as in training: Dropout drops, BatchNorm takes the batch's statistics.
func InTraining() CallOption { return func(c *call) { c.training = 1 } }

const mostOutputs = 1024

var (
	operators   sync.Map // capi.Op by name
	outputLists = sync.Pool{New: func() any { return new([mostOutputs]capi.Ndarray) }}
)

func operator(name string) (capi.Op, error) {
	if found, known := operators.Load(name); known {
		return found.(capi.Op), nil
	}
	found, err := capi.OpFind(name)
	if err == nil {
		operators.Store(name, found)
	}
	return found, err
}

// Invoke calls an operator by its name, as the functions of package nd do. inputNames are for messages; inputs at the end may be nil.
// params may be nil.
func Invoke(name string, inputs []*NDArray, inputNames []string, params Parameters, options ...CallOption) (*NDArray, error) {
	found, err := operator(name)
	if err != nil {
		return nil, err
	}
	c := call{training: -1} // the thread's mode: that of Record, else prediction
	for _, option := range options {
		option(&c)
	}
	given, err := inputHandles(name, inputs, inputNames)
	if err != nil {
		return nil, err
	}
	outputs, err := c.run(name, found, given, encoded(params))
	runtime.KeepAlive(inputs)
	if err != nil {
		return nil, err
	}
	return c.deliver(outputs)
}

func encoded(params Parameters) *capi.Args {
	if params == nil {
		return nil
	}
	args := new(capi.Args)
	params.Encode(args)
	return args
}

func inputHandles(name string, inputs []*NDArray, names []string) ([]capi.Ndarray, error) {
	for len(inputs) > 0 && inputs[len(inputs)-1] == nil {
		inputs = inputs[:len(inputs)-1]
	}
	for i, input := range inputs {
		if input == nil && i < len(names) {
			return nil, failf(CodeInvalid, "[%s] %s: expected an array, got nil", name, names[i])
		} else if input == nil {
			return nil, failf(CodeInvalid, "[%s] input %d: expected an array, got nil", name, i)
		}
	}
	return handles(name, inputs)
}

// run gives the outputs: those of Out, or fresh ones.
func (c *call) run(name string, found capi.Op, inputs []capi.Ndarray, args *capi.Args) ([]*NDArray, error) {
	list := outputLists.Get().(*[mostOutputs]capi.Ndarray)
	defer outputLists.Put(list)
	targets, err := handles(name, c.out)
	if err != nil {
		return nil, err
	}
	count := int32(copy(list[:], targets))
	err = capi.OpInvoke(found, inputs, int32(len(inputs)), args, c.training, c.device.code(), int32(c.device.Index), list[:], mostOutputs, &count)
	runtime.KeepAlive(c.out)
	if err != nil || len(c.out) > 0 {
		return c.out, err
	}
	fresh := make([]*NDArray, count)
	for i := range fresh {
		fresh[i] = wrap(list[i])
	}
	return fresh, nil
}

func (c *call) deliver(outputs []*NDArray) (*NDArray, error) {
	if len(outputs) == 0 {
		return nil, nil
	}
	if c.all != nil {
		*c.all = outputs
	} else if len(c.out) == 0 {
		for _, other := range outputs[1:] {
			other.Close()
		}
	}
	return outputs[0], nil
}
