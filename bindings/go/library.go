package mixnet

import (
	"context"
	"encoding/json"

	"mixnet.dev/mixnet/capi"
)

// Available tells why the native library could not be loaded; nil when it was. Everything else returns the same error then.
func Available() error { return capi.Available() }

// Version of the native library.
func Version() string { return capi.Version() }

// Features tells what the library was built with, such as "onednn" and "cuda".
func Features() (map[string]any, error) {
	text, err := capi.Features()
	if err != nil {
		return nil, err
	}
	found := map[string]any{}
	return found, json.Unmarshal([]byte(*text), &found)
}

// Seed seeds all random operators: the same seed gives the same numbers, in every language.
func Seed(seed int64) error { return capi.RandomSeed(seed) }

// SetOption sets an option of the process: "onednn" (0 or 1), "cpu_threads".
func SetOption(name string, value int64) error { return capi.OptionSet(name, value) }

// WaitAll waits for all work, and returns the first error since the last call.
func WaitAll(ctx context.Context) error { return waiting(ctx, capi.WaitAll) }

// Shutdown ends the library's threads: running work finishes, the rest fails. A program that ends needs no call of it.
func Shutdown() error { return capi.Shutdown() }
