package mixnet

import (
	"context"
	"runtime"

	"mixnet.dev/mixnet/capi"
)

// Values waits for an array and copies its values, in row-major order. Elements of another type are converted.
func Values[T Element](ctx context.Context, array *NDArray) ([]T, error) {
	values := make([]T, array.Size())
	return values, Read(ctx, array, values)
}

// Read is Values into a slice that is there.
func Read[T Element](ctx context.Context, array *NDArray, values []T) error {
	handle, err := array.get("Read")
	if err != nil {
		return err
	}
	dtype, width := dtypeOf[T]()
	if array.DType() != dtype {
		converted, err := array.Cast(dtype)
		if err != nil {
			return err
		}
		defer converted.Close()
		return Read(ctx, converted, values)
	}
	defer runtime.KeepAlive(array)
	return waiting(ctx, func(wait *capi.WaitT) error {
		return capi.NdarrayCopyToHost(handle, address(values), int64(len(values)*width), wait)
	})
}

// Item is the value of an array with one element.
func (a *NDArray) Item(ctx context.Context) (float64, error) {
	if size := a.Size(); size != 1 {
		return 0, failf(CodeShape, "[Item] array: expected one element, got %d", size)
	}
	var value [1]float64
	err := Read(ctx, a, value[:])
	return value[0], err
}
