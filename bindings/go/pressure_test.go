package mixnet_test

import (
	"testing"

	"mixnet.dev/mixnet"
	"mixnet.dev/mixnet/capi"
)

// Two gigabytes of arrays that nobody closes never stand in memory together.
func TestForgottenArraysAreCollected(t *testing.T) {
	const bytes = 8 << 20
	var most int64
	for i := 0; i < 256; i++ {
		zeros, err := mixnet.Zeros([]int{bytes / 4}, mixnet.Float32, mixnet.CPU(0))
		ok(t, err)
		ok(t, zeros.Wait(ctx))
		info, err := capi.StorageInfo(capi.DeviceCpu, 0)
		ok(t, err)
		if info.InUse > most {
			most = info.InUse
		}
	}
	if most > 1<<30 {
		t.Fatalf("expected at most a gigabyte in use, got %d bytes", most)
	}
}

func BenchmarkAdd(b *testing.B) {
	a := array(b, []float32{1, 2, 3, 4})
	b.ReportAllocs()
	for i := 0; i < b.N; i++ {
		sum, err := a.Add(a)
		ok(b, err)
		ok(b, sum.Close())
	}
}
