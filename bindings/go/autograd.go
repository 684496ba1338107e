package mixnet

import (
	"runtime"

	"mixnet.dev/mixnet/capi"
)

// Record runs fn, and puts down the operators that it calls on arrays, in training mode, so that Backward can go through them. It holds for
// this goroutine alone, which keeps its thread meanwhile; calls of Record may stand in each other.
func Record(fn func() error) error { return withFlags(1, 1, fn) }

// Pause runs fn without recording and in prediction mode, inside Record.
func Pause(fn func() error) error { return withFlags(0, 0, fn) }

// withFlags runs fn with the thread's flags set, and sets them back, also when fn panics.
func withFlags(recording, training int32, fn func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := capi.AutogradSet(recording, training)
	if err != nil {
		return err
	}
	defer capi.AutogradSet(bit(before, capi.AutogradRecording), bit(before, capi.AutogradTraining))
	return fn()
}

func bit(flags int32, mask int32) int32 {
	return truth(flags&mask != 0)
}

// AttachGrad makes arrays variables, whose gradients Backward writes.
func AttachGrad(arrays ...*NDArray) error {
	grads := make([]*NDArray, len(arrays))
	for i, array := range arrays {
		grad, err := Invoke("zeros_like", []*NDArray{array}, []string{"data"}, nil)
		if err != nil {
			return err
		}
		defer grad.Close()
		grads[i] = grad
	}
	variables, err := handles("AttachGrad", arrays)
	if err != nil {
		return err
	}
	targets, err := handles("AttachGrad", grads)
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(arrays)
	defer runtime.KeepAlive(grads)
	return capi.AutogradMark(variables, targets, nil, int64(len(variables)))
}

// Grad is the array that holds a variable's gradient.
func (a *NDArray) Grad() (*NDArray, error) {
	handle, err := a.get("Grad")
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(a)
	_, grad, err := capi.AutogradGradient(handle)
	if err == nil && grad == nil {
		err = failf(CodeInvalid, "[Grad] array: expected one that AttachGrad was called for, got another")
	}
	return wrapped(grad, err)
}

// BackwardOptions say more about Backward.
type BackwardOptions struct {
	// HeadGrads are the gradients of the heads; nil for ones. Losses ignore theirs.
	HeadGrads []*NDArray
	// Retain keeps what was recorded, for another call.
	Retain bool
}

// Backward computes the gradients of the sum of all heads into the arrays of all variables behind them.
func Backward(heads []*NDArray, options BackwardOptions) error {
	_, err := backward(heads, nil, options, false)
	return err
}

// Gradients computes the gradients of the sum of all heads by variables, as fresh arrays. With create they are recorded themselves, for
// gradients of higher order.
func Gradients(heads, variables []*NDArray, options BackwardOptions, create bool) ([]*NDArray, error) {
	return backward(heads, variables, options, create)
}

func backward(heads, variables []*NDArray, options BackwardOptions, create bool) ([]*NDArray, error) {
	for _, list := range [][]*NDArray{heads, variables} {
		for _, array := range list {
			if _, err := array.get("Backward"); err != nil {
				return nil, err
			}
		}
	}
	if options.HeadGrads != nil && len(options.HeadGrads) != len(heads) {
		return nil, failf(CodeInvalid, "[Backward] HeadGrads: expected %d, got %d", len(heads), len(options.HeadGrads))
	}
	from, err := handles("Backward", heads)
	if err != nil {
		return nil, err
	}
	seeds, err := handles("Backward", options.HeadGrads)
	if err != nil {
		return nil, err
	}
	by, err := handles("Backward", variables)
	if err != nil {
		return nil, err
	}
	vector, count, err := capi.AutogradBackward(from, seeds, int64(len(from)), by, int64(len(by)), truth(options.Retain), truth(create), 1)
	runtime.KeepAlive(heads)
	runtime.KeepAlive(variables)
	runtime.KeepAlive(options)
	if err != nil {
		return nil, err
	}
	var found []*NDArray
	for _, handle := range capi.NdarrayList(vector, count) {
		found = append(found, wrap(handle))
	}
	return found, nil
}
