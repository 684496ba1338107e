package mixnet

import (
	"runtime"
	"unsafe"

	"mixnet.dev/mixnet/capi"
	"mixnet.dev/mixnet/op"
)

// Empty is an array with undefined values.
func Empty(shape []int, dtype DType, device Device) (*NDArray, error) {
	return wrapped(capi.NdarrayCreate(int64s(shape), int32(len(shape)), int32(dtype), device.code(), int32(device.Index)))
}

// Zeros is an array of zeros.
func Zeros(shape []int, dtype DType, device Device) (*NDArray, error) {
	return Invoke("_zeros", nil, nil, op.InternalZeros{Shape: shape, Dtype: dtype.String()}, On(device))
}

// Ones is an array of ones.
func Ones(shape []int, dtype DType, device Device) (*NDArray, error) {
	return Invoke("_ones", nil, nil, op.InternalOnes{Shape: shape, Dtype: dtype.String()}, On(device))
}

// Full is an array of one value.
func Full(shape []int, value float64, dtype DType, device Device) (*NDArray, error) {
	return Invoke("_full", nil, nil, op.InternalFull{Shape: shape, Value: value, Dtype: dtype.String()}, On(device))
}

// Arange is 0, 1, ... count-1.
func Arange(count int, dtype DType, device Device) (*NDArray, error) {
	return Invoke("_arange", nil, nil, op.InternalArange{Start: op.Opt(0.0), Stop: op.Opt(float64(count)), Dtype: dtype.String()}, On(device))
}

// FromSlice copies a slice into an array on the CPU; without a shape it has one axis.
func FromSlice[T Element](values []T, shape ...int) (*NDArray, error) {
	if len(shape) == 0 {
		shape = []int{len(values)}
	}
	dtype, _ := dtypeOf[T]()
	if product(shape) != len(values) {
		return nil, failf(CodeShape, "[FromSlice] values: expected %d for the shape %v, got %d", product(shape), shape, len(values))
	}
	array, err := Empty(shape, dtype, CPU(0))
	if err != nil {
		return nil, err
	}
	return array, SetValues(array, values)
}

// SetValues copies a slice over an array, which must have its element type and number of elements. It waits for earlier work on the array.
func SetValues[T Element](array *NDArray, values []T) error {
	handle, err := array.get("SetValues")
	if err != nil {
		return err
	}
	dtype, width := dtypeOf[T]()
	if array.DType() != dtype {
		return failf(CodeType, "[SetValues] values: expected %v, got %v", array.DType(), dtype)
	}
	defer runtime.KeepAlive(array)
	return capi.NdarrayCopyFromHost(handle, address(values), int64(len(values)*width))
}

func address[T Element](values []T) unsafe.Pointer {
	if len(values) == 0 {
		return nil
	}
	return unsafe.Pointer(&values[0])
}
