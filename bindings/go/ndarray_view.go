package mixnet

import (
	"runtime"

	"mixnet.dev/mixnet/capi"
	"mixnet.dev/mixnet/op"
)

// Slice is the rows [begin, end) of the first axis, sharing memory with a.
func (a *NDArray) Slice(begin, end int) (*NDArray, error) {
	handle, err := a.get("Slice")
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(a)
	return wrapped(capi.NdarraySlice(handle, int64(begin), int64(end)))
}

// At is row i without its axis, sharing memory with a.
func (a *NDArray) At(i int) (*NDArray, error) {
	handle, err := a.get("At")
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(a)
	return wrapped(capi.NdarrayAt(handle, int64(i)))
}

// Reshape is the same elements under another shape, sharing memory with a. One extent may be -1: what is left.
func (a *NDArray) Reshape(shape ...int) (*NDArray, error) {
	handle, err := a.get("Reshape")
	if err != nil {
		return nil, err
	}
	full := append([]int(nil), shape...)
	for i, extent := range full {
		if extent == -1 {
			full[i] = 1
			if known := product(full); known != 0 {
				full[i] = a.Size() / known
			}
			break
		}
	}
	defer runtime.KeepAlive(a)
	return wrapped(capi.NdarrayReshape(handle, int64s(full), int32(len(full))))
}

// Copy is an array of its own with the same values, on the same device.
func (a *NDArray) Copy() (*NDArray, error) {
	return Invoke("_copy", []*NDArray{a}, []string{"data"}, nil)
}

// CopyTo copies the values into another array of the same shape and element type, on any device.
func (a *NDArray) CopyTo(other *NDArray) error {
	from, err := a.get("CopyTo")
	if err != nil {
		return err
	}
	to, err := other.get("CopyTo")
	if err != nil {
		return err
	}
	err = capi.NdarrayCopy(from, to)
	runtime.KeepAlive(a)
	runtime.KeepAlive(other)
	return err
}

// To is a copy on another device.
func (a *NDArray) To(device Device) (*NDArray, error) {
	copied, err := Empty(a.Shape(), a.DType(), device)
	if err != nil {
		return nil, err
	}
	return copied, a.CopyTo(copied)
}

// Cast is a copy with another element type.
func (a *NDArray) Cast(dtype DType) (*NDArray, error) {
	return Invoke("Cast", []*NDArray{a}, []string{"data"}, op.Cast{Dtype: dtype.String()})
}

// Fill sets all elements to one value.
func (a *NDArray) Fill(value float64) error {
	_, err := a.get("Fill")
	if err != nil {
		return err
	}
	_, err = Invoke("_full", nil, nil, op.InternalFull{Shape: a.Shape(), Value: value, Dtype: a.DType().String()}, On(a.Device()), Out(a))
	return err
}
