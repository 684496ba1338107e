package mixnet

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"mixnet.dev/mixnet/capi"
)

// Go's collector sees an array as a few bytes, whatever it holds in the library. Programs that leave arrays to finalizers would therefore
// fill the memory before a collection begins. So every few arrays the library is asked what is in use on the CPU; where that is twice what
// the last collection left, another is made. Cost: less than a microsecond per array.

const (
	askEvery   = 16
	leastInUse = 256 << 20 // bytes below which nothing is done
)

var pressure struct {
	arrays atomic.Int64
	limit  atomic.Int64
	busy   sync.Mutex
}

func feel() {
	if pressure.arrays.Add(1)%askEvery != 0 || inUse() < larger(pressure.limit.Load(), leastInUse) || !pressure.busy.TryLock() {
		return
	}
	defer pressure.busy.Unlock()
	collected := make(chan struct{})
	sentinel := new([1]*byte)
	runtime.SetFinalizer(sentinel, func(*[1]*byte) { close(collected) })
	runtime.GC()
	select {
	case <-collected:
	case <-time.After(100 * time.Millisecond):
	}
	pressure.limit.Store(2 * inUse())
}

func inUse() int64 {
	info, err := capi.StorageInfo(capi.DeviceCpu, 0)
	if err != nil {
		return 0
	}
	return info.InUse
}

func larger(a, b int64) int64 {
	if a > b {
		return a
	}
	return b
}
