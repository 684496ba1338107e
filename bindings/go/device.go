package mixnet

import (
	"fmt"

	"mixnet.dev/mixnet/capi"
)

// Device is where an array lives and where work is done. The zero Device is CPU(0).
type Device struct {
	kind  int32
	Index int
}

// CPU is a device of the host.
func CPU(index int) Device { return Device{capi.DeviceCpu, index} }

// GPU is a CUDA device.
func GPU(index int) Device { return Device{capi.DeviceGpu, index} }

// Pinned is host memory that a GPU reaches fast.
func Pinned(index int) Device { return Device{capi.DevicePinned, index} }

func (d Device) code() int32 {
	if d.kind == 0 {
		return capi.DeviceCpu
	}
	return d.kind
}

// String is "cpu(0)" and the like.
func (d Device) String() string {
	name := map[int32]string{capi.DeviceCpu: "cpu", capi.DeviceGpu: "gpu", capi.DevicePinned: "cpu_pinned"}[d.code()]
	return fmt.Sprintf("%s(%d)", name, d.Index)
}

// Count is the number of devices of the same kind.
func (d Device) Count() (int, error) {
	count, err := capi.DeviceCount(d.code())
	return int(count), err
}

// Memory is a device's free and total memory in bytes.
func (d Device) Memory() (free, total int64, err error) {
	return capi.DeviceMemory(d.code(), int32(d.Index))
}
