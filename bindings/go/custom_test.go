package mixnet_test

import (
	"errors"
	"testing"
	"unsafe"

	"mixnet.dev/mixnet"
	"mixnet.dev/mixnet/capi"
	"mixnet.dev/mixnet/nd"
	"mixnet.dev/mixnet/op"
)

// copied copies the first array of one kind over the first of another.
func copied(call capi.CustomCall, from, to int32) error {
	var ends [2]capi.Ndarray
	for i, what := range []int32{from, to} {
		list, count, err := capi.CustomCallArrays(call, what)
		if err != nil {
			return err
		}
		if count != 1 {
			return errors.New("expected one array")
		}
		arrays := unsafe.Slice(list, count)
		ends[i] = arrays[0]
		defer capi.NdarrayFree(ends[i])
		capi.NdarrayListFree(arrays)
	}
	return capi.NdarrayCopy(ends[0], ends[1])
}

// alike answers that the output is like the input.
func alike(call capi.CustomCall, what int32) error {
	shapes, err := capi.CustomCallShapes(call)
	if err != nil {
		return err
	}
	defer capi.ShapesFree(shapes)
	ndim, dims, err := capi.ShapesGet(shapes, 0)
	if err != nil {
		return err
	}
	own := append([]int64{}, unsafe.Slice(dims, ndim)...)
	both := append(own, own...)
	if what == capi.CustomTypes {
		return capi.CustomCallSetShapes(call, []int32{2}, both, 1)
	}
	return capi.CustomCallSetShapes(call, []int32{ndim, ndim}, both, 2)
}

func TestCustomOperatorInGo(t *testing.T) {
	unlucky := false
	ok(t, capi.CustomRegister("go_copy", func(call capi.CustomCall) error {
		info, err := capi.CustomCallInfo(call)
		switch {
		case err != nil:
			return err
		case info.What == capi.CustomShapes || info.What == capi.CustomTypes:
			return alike(call, info.What)
		case info.What == capi.CustomForward && unlucky:
			return errors.New("no luck in Go")
		case info.What == capi.CustomForward:
			return copied(call, capi.CustomInputs, capi.CustomOutputs)
		}
		return nil
	}))
	x := array(t, []float32{1, 2})
	y, err := nd.Custom([]*mixnet.NDArray{x}, op.Custom{OpType: "go_copy"})
	ok(t, err)
	holds(t, y, nil, 1, 2)
	unlucky = true
	y, err = nd.Custom([]*mixnet.NDArray{x}, op.Custom{OpType: "go_copy"})
	ok(t, err)
	fails(t, y.Wait(ctx), mixnet.CodeUser, "no luck in Go")
}
