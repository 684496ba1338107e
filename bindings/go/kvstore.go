package mixnet

import (
	"runtime"

	"mixnet.dev/mixnet/capi"
)

// KVStore holds arrays by key, sums what is pushed and hands it to an updater.
type KVStore struct {
	resource[capi.Kvstore]
}

// NewKVStore makes a store: "local", "device", or between machines "dist_sync" and the like, which joins the group that the environment names.
func NewKVStore(kind string) (*KVStore, error) {
	handle, err := capi.KvstoreCreate(kind)
	if err != nil {
		return nil, err
	}
	store := &KVStore{resource[capi.Kvstore]{handle: handle, free: capi.KvstoreFree}}
	runtime.SetFinalizer(store, func(k *KVStore) { k.close() })
	return store, nil
}

// Close gives the store back.
func (k *KVStore) Close() error { return k.close() }

// Pair is a key with an array.
type Pair struct {
	Key   string
	Array *NDArray
}

func (k *KVStore) each(place string, pairs []Pair, call func(capi.Kvstore, []string, []capi.Ndarray, int64) error) error {
	store, err := k.open(place)
	if err != nil {
		return err
	}
	keys, arrays := make([]string, len(pairs)), make([]*NDArray, len(pairs))
	for i, pair := range pairs {
		keys[i], arrays[i] = pair.Key, pair.Array
	}
	list, err := handles(place, arrays)
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(k)
	defer runtime.KeepAlive(arrays)
	return call(store, keys, list, int64(len(list)))
}

// Init sets first values.
func (k *KVStore) Init(pairs ...Pair) error { return k.each("KVStore.Init", pairs, capi.KvstoreInit) }

// Push sums what stands under the same key, and stores it or hands it to the updater. Work of higher priority goes first.
func (k *KVStore) Push(priority int, pairs ...Pair) error {
	return k.each("KVStore.Push", pairs, func(store capi.Kvstore, keys []string, arrays []capi.Ndarray, count int64) error {
		return capi.KvstorePush(store, keys, arrays, count, int32(priority))
	})
}

// Pull copies stored values into the arrays.
func (k *KVStore) Pull(priority int, pairs ...Pair) error {
	return k.each("KVStore.Pull", pairs, func(store capi.Kvstore, keys []string, arrays []capi.Ndarray, count int64) error {
		return capi.KvstorePull(store, keys, arrays, count, int32(priority))
	})
}

// SetUpdater lets fn change what is stored whenever a sum was received, on a thread of the library. The arrays are valid during the call
// only; fn may call the library and wait. When fn fails, pulls of that key fail until a push of it succeeds.
func (k *KVStore) SetUpdater(fn func(key string, received, stored *NDArray) error) error {
	store, err := k.open("SetUpdater")
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(k)
	return capi.KvstoreSetUpdater(store, func(key string, received, stored capi.Ndarray) error {
		return fn(key, borrowed(received), borrowed(stored))
	})
}

// Rank is this worker's number and how many there are.
func (k *KVStore) Rank() (rank, size int, err error) {
	store, err := k.open("Rank")
	if err != nil {
		return 0, 0, err
	}
	defer runtime.KeepAlive(k)
	r, s, err := capi.KvstoreRank(store)
	return int(r), int(s), err
}

// Barrier waits until all workers are here.
func (k *KVStore) Barrier() error {
	store, err := k.open("Barrier")
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(k)
	return capi.KvstoreBarrier(store)
}

// Statistics are what went over the wire, of a store between machines, as JSON: keys and peers of this worker, and servers, each with counts of
// pushes, pulls and messages, bytes_sent, bytes_received, latency_s and staleness.
func (k *KVStore) Statistics() (string, error) {
	store, err := k.open("Statistics")
	if err != nil {
		return "", err
	}
	defer runtime.KeepAlive(k)
	text, err := capi.KvstoreStatistics(store)
	return value(text), err
}
