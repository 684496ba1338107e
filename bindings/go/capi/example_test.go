package capi_test

import (
	"fmt"

	"mixnet.dev/mixnet/capi"
)

func Example() {
	array, err := capi.NdarrayCreate([]int64{2, 3}, 2, capi.Float32, capi.DeviceCpu, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer capi.NdarrayFree(array)
	info, err := capi.NdarrayInfo(array)
	fmt.Println(info.Bytes, info.Shape[:info.Ndim], err)
	// Output: 24 [2 3] <nil>
}
