package mixnet

import (
	"runtime"

	"mixnet.dev/mixnet/capi"
)

// Pullback makes the gradients of all inputs from those of the outputs, which are valid during the call only.
type Pullback func(outputGrads []*NDArray) ([]*NDArray, error)

// Custom runs forward, which computes outputs from the inputs, without recording, and puts down that their gradient is what the pullback that
// forward returns makes. The pullback runs in Backward, on the goroutine that calls it. Where nothing is recorded, the outputs are just those of
// forward.
func Custom(inputs []*NDArray, forward func() ([]*NDArray, Pullback, error)) ([]*NDArray, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	flags, err := capi.AutogradSet(-1, -1)
	if err != nil {
		return nil, err
	}
	if flags&capi.AutogradTracing != 0 {
		return nil, failf(CodeUnsupported, "[Custom] cannot be traced: its code would not run at replay")
	}
	var outputs []*NDArray
	var pullback Pullback
	err = withFlags(0, -1, func() (err error) {
		outputs, pullback, err = forward()
		return err
	})
	if err != nil || flags&capi.AutogradRecording == 0 {
		return outputs, err
	}
	if pullback == nil {
		return nil, failf(CodeInvalid, "[Custom] forward: expected a Pullback, got nil")
	}
	return connect(inputs, outputs, pullback)
}

// connect makes outputs of their own memory that hang on the inputs.
func connect(inputs, outputs []*NDArray, pullback Pullback) ([]*NDArray, error) {
	from, err := handles("Custom", inputs)
	if err != nil {
		return nil, err
	}
	connected := make([]*NDArray, len(outputs))
	for i, output := range outputs {
		if connected[i], err = output.Detach(); err != nil {
			return nil, err
		}
	}
	to, err := handles("Custom", connected)
	if err != nil {
		return nil, err
	}
	err = capi.AutogradFunction(from, int64(len(from)), to, int64(len(to)), func(given, wanted []capi.Ndarray) error {
		return pull(pullback, given, wanted)
	})
	runtime.KeepAlive(inputs)
	runtime.KeepAlive(connected)
	return connected, err
}

func pull(pullback Pullback, given, wanted []capi.Ndarray) error {
	grads := make([]*NDArray, len(given))
	for i, handle := range given {
		grads[i] = borrowed(handle)
	}
	found, err := pullback(grads)
	if err != nil {
		return err
	}
	if len(found) != len(wanted) {
		return failf(CodeInvalid, "[Custom] expected %d gradients, got %d", len(wanted), len(found))
	}
	list, err := handles("Custom", found)
	if err != nil {
		return err
	}
	for i, handle := range list {
		if wanted[i], err = capi.NdarrayClone(handle); err != nil {
			return err
		}
	}
	runtime.KeepAlive(found)
	return nil
}

// Detach is the same memory, cut off from gradients.
func (a *NDArray) Detach() (*NDArray, error) {
	handle, err := a.get("Detach")
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(a)
	made, err := wrapped(capi.NdarrayClone(handle))
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(made)
	return made, capi.AutogradMark([]capi.Ndarray{made.handle}, nil, nil, 1)
}
