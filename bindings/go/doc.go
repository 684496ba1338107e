// Package mixnet trains and runs neural networks with the mixnet library: arrays computed in the background, symbols that describe whole
// nets, executors, optimizers, a training loop and a predictor.
//
//	a, err := mixnet.FromSlice([]float32{1, 2, 3, 4}, 2, 2)
//	b, err := a.Mul(mixnet.Scalar(2))
//	values, err := mixnet.Values[float32](ctx, b)
//
// Operators stand in the packages nd (on arrays) and sym (on symbols), their parameters in package op; package capi is the C ABI itself.
//
// # Errors
//
// What the library reports is an *Error with a Code and a line such as "[dot] cannot multiply (2, 3) by (2, 3)". Calls on arrays return
// before their values are computed; an error of the computation is returned by the wait or read that meets it.
//
// # Memory
//
// Arrays, symbols, executors and the other nouns hold memory outside Go: Close gives it back at once, and a finalizer does what Close was
// not called for; the collector runs early when forgotten arrays fill the memory. A closed noun's methods return errors. Any noun may be used by several goroutines where its comment does not say
// otherwise, but not closed while another still uses it.
//
// # Waiting
//
// Whatever waits takes a context, and returns the context's error soon after it ends; the work itself goes on.
package mixnet
