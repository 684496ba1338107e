package mixnet

import "sync/atomic"

// resource owns one handle of the library: it frees it once, and refuses it afterwards.
type resource[H comparable] struct {
	handle H
	free   func(H)
	closed atomic.Bool
}

func (r *resource[H]) close() error {
	if r.closed.CompareAndSwap(false, true) {
		r.free(r.handle)
	}
	return nil
}

// open is the handle, for as long as the owner is kept alive.
func (r *resource[H]) open(noun string) (H, error) {
	if r.closed.Load() {
		var none H
		return none, failf(CodeInvalid, "[%s] expected an open one, got one after Close", noun)
	}
	return r.handle, nil
}
