package mixnet

import (
	"runtime"

	"mixnet.dev/mixnet/capi"
)

// CachedOp is a symbol to be called on arrays: planned once per shapes, types and mode, then replayed. Inside Record its calls are recorded.
type CachedOp struct {
	resource[capi.CachedOp]
}

// NewCachedOp makes one. parameters name arguments that are the same arrays in most calls, so that in prediction what depends on them alone
// is kept between calls.
func NewCachedOp(symbol *Symbol, parameters ...string) (*CachedOp, error) {
	handle, err := symbol.get("NewCachedOp")
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(symbol)
	made, err := capi.CachedOpCreate(handle, parameters, int32(len(parameters)))
	if err != nil {
		return nil, err
	}
	c := &CachedOp{resource[capi.CachedOp]{handle: made, free: capi.CachedOpFree}}
	runtime.SetFinalizer(c, func(c *CachedOp) { c.close() })
	return c, nil
}

// Close gives it back; calls under way go on.
func (c *CachedOp) Close() error { return c.close() }

// Call computes the outputs from the arguments, then the states, in the symbol's order.
func (c *CachedOp) Call(inputs ...*NDArray) ([]*NDArray, error) {
	handle, err := c.open("CachedOp.Call")
	if err != nil {
		return nil, err
	}
	given, err := handles("CachedOp.Call", inputs)
	if err != nil {
		return nil, err
	}
	list := outputLists.Get().(*[mostOutputs]capi.Ndarray)
	defer outputLists.Put(list)
	var count int32
	err = capi.CachedOpInvoke(handle, given, int64(len(given)), list[:], mostOutputs, &count)
	runtime.KeepAlive(c)
	runtime.KeepAlive(inputs)
	if err != nil {
		return nil, err
	}
	outputs := make([]*NDArray, count)
	for i := range outputs {
		outputs[i] = wrap(list[i])
	}
	return outputs, nil
}

// String is the steps of the last call's plan, a line each.
func (c *CachedOp) String() string {
	handle, err := c.open("CachedOp")
	if err != nil {
		return "<CachedOp closed>"
	}
	defer runtime.KeepAlive(c)
	text, _, _ := capi.CachedOpDescribe(handle)
	return value(text)
}
