package mixnet_test

import (
	"errors"
	"testing"

	"mixnet.dev/mixnet"
)

func TestKVStoreSumsAndStores(t *testing.T) {
	store, err := mixnet.NewKVStore("local")
	ok(t, err)
	defer store.Close()
	ok(t, store.Init(mixnet.Pair{"a", array(t, []float32{1, 2})}, mixnet.Pair{"b", array(t, []float32{3})}))
	into := array(t, []float32{0, 0})
	ok(t, store.Pull(0, mixnet.Pair{"a", into}))
	holds(t, into, nil, 1, 2)
	ok(t, store.Push(0, mixnet.Pair{"a", array(t, []float32{1, 1})}, mixnet.Pair{"a", array(t, []float32{2, 3})}))
	ok(t, store.Pull(0, mixnet.Pair{"a", into}))
	holds(t, into, nil, 3, 4)
	rank, size, err := store.Rank()
	if err != nil || rank != 0 || size != 1 {
		t.Fatalf("expected worker 0 of 1, got %d of %d, %v", rank, size, err)
	}
	ok(t, store.Barrier())
	_, err = store.Statistics()
	fails(t, err, mixnet.CodeUnsupported, "[kvstore statistics] store: local does not have this")
	fails(t, store.Pull(0, mixnet.Pair{"none", into}), mixnet.CodeInvalid, "none")
	_, err = mixnet.NewKVStore("bucket")
	fails(t, err, mixnet.CodeInvalid, "expected local, device, dist_sync, dist_async or dist_allreduce, got 'bucket'")
}

func TestKVStoreUpdaterInGo(t *testing.T) {
	store, err := mixnet.NewKVStore("local")
	ok(t, err)
	defer store.Close()
	ok(t, store.Init(mixnet.Pair{"w", array(t, []float32{10, 20})}))
	ok(t, store.SetUpdater(func(key string, received, stored *mixnet.NDArray) error {
		values, err := mixnet.Values[float32](ctx, received)
		if err != nil {
			return err
		}
		if values[0] < 0 {
			return errors.New("negative gradient of " + key)
		}
		if values[0] == 0 {
			panic("no gradient")
		}
		return stored.SubAssign(received)
	}))
	into := array(t, []float32{0, 0})
	ok(t, store.Push(0, mixnet.Pair{"w", array(t, []float32{1, 2})}))
	ok(t, store.Pull(0, mixnet.Pair{"w", into}))
	holds(t, into, nil, 9, 18)
	for value, part := range map[float32]string{-1: "negative gradient of w", 0: "panic: no gradient"} {
		ok(t, store.Push(0, mixnet.Pair{"w", array(t, []float32{value, value})}))
		err = store.Pull(0, mixnet.Pair{"w", into})
		if err == nil {
			err = into.Wait(ctx)
		}
		fails(t, err, mixnet.CodeUser, part)
		ok(t, store.Push(0, mixnet.Pair{"w", array(t, []float32{1, 1})}))
		into = array(t, []float32{0, 0})
		ok(t, store.Pull(0, mixnet.Pair{"w", into}))
		ok(t, into.Wait(ctx))
	}
	holds(t, into, nil, 7, 16)
}
