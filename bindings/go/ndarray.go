package mixnet

import (
	"context"
	"runtime"

	"mixnet.dev/mixnet/capi"
)

// NDArray is an array of the library, on some device. Operators return at once; reading waits for the values.
type NDArray struct {
	resource[capi.Ndarray]
}

// wrap takes a handle over.
func wrap(handle capi.Ndarray) *NDArray {
	array := &NDArray{resource[capi.Ndarray]{handle: handle, free: capi.NdarrayFree}}
	runtime.SetFinalizer(array, func(a *NDArray) { a.close() })
	feel()
	return array
}

func wrapped(handle capi.Ndarray, err error) (*NDArray, error) {
	if err != nil {
		return nil, err
	}
	return wrap(handle), nil
}

// Close gives the array back; work under way still finds its memory.
func (a *NDArray) Close() error { return a.close() }

func (a *NDArray) get(place string) (capi.Ndarray, error) {
	if a == nil {
		return nil, failf(CodeInvalid, "[%s] expected an array, got nil", place)
	}
	return a.open(place)
}

// handles are those of a list in which nil stays nil.
func handles(place string, list []*NDArray) ([]capi.Ndarray, error) {
	found := make([]capi.Ndarray, len(list))
	for i, array := range list {
		if array != nil {
			handle, err := array.open(place)
			if err != nil {
				return nil, err
			}
			found[i] = handle
		}
	}
	return found, nil
}

func (a *NDArray) info() (capi.NdarrayInfoT, error) {
	handle, err := a.get("NDArray")
	if err != nil {
		return capi.NdarrayInfoT{}, err
	}
	defer runtime.KeepAlive(a)
	return capi.NdarrayInfo(handle)
}

// Shape is the array's extents; nil after Close.
func (a *NDArray) Shape() []int {
	info, err := a.info()
	if err != nil {
		return nil
	}
	shape := make([]int, info.Ndim)
	for i := range shape {
		shape[i] = int(info.Shape[i])
	}
	return shape
}

// Size is the number of elements.
func (a *NDArray) Size() int { return product(a.Shape()) }

// DType is the type of the elements.
func (a *NDArray) DType() DType {
	info, _ := a.info()
	return DType(info.Dtype)
}

// Bytes is the size of the values.
func (a *NDArray) Bytes() int64 {
	info, _ := a.info()
	return info.Bytes
}

// Device is where the array lives.
func (a *NDArray) Device() Device {
	info, _ := a.info()
	return Device{info.DeviceKind, int(info.DeviceIndex)}
}

// Wait waits until the values are there, and returns the error that stands on the array.
func (a *NDArray) Wait(ctx context.Context) error {
	handle, err := a.get("NDArray.Wait")
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(a)
	return waiting(ctx, func(wait *capi.WaitT) error { return capi.NdarrayWaitToRead(handle, wait) })
}

func product(shape []int) int {
	size := 1
	for _, extent := range shape {
		size *= extent
	}
	return size
}

func int64s(values []int) []int64 {
	found := make([]int64, len(values))
	for i, value := range values {
		found[i] = int64(value)
	}
	return found
}

// borrowed is an array that a callback was lent: it has no finalizer, and Close does nothing.
func borrowed(handle capi.Ndarray) *NDArray {
	return &NDArray{resource[capi.Ndarray]{handle: handle, free: func(capi.Ndarray) {}}}
}
