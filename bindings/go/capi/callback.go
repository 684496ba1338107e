package capi

/*
#include "gen_glue.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime/cgo"
	"unsafe"
)

// register gives a Go function the number under which C knows it; 0 for none.
func register(function any, none bool) C.uintptr_t {
	if none {
		return 0
	}
	return C.uintptr_t(cgo.NewHandle(function))
}

func registered(user C.uintptr_t) any { return cgo.Handle(user).Value() }

// guarded runs a callback on the library's thread; what goes wrong becomes that thread's error.
func guarded(call func() error) (code C.int32_t) {
	defer func() {
		if reason := recover(); reason != nil {
			code = reported(fmt.Errorf("[callback] panic: %v", reason))
		}
	}()
	if err := call(); err != nil {
		return reported(err)
	}
	return 0
}

func reported(err error) C.int32_t {
	code := ErrorUser
	var own *Error
	if errors.As(err, &own) {
		code = own.Code
	}
	C.mxn_go_error_set(C.int32_t(code), text(err.Error()))
	return C.int32_t(code)
}

// The end of a registration. A function without parameters that stands there alone is a release, which is called.
//
//export mxnGoRelease
func mxnGoRelease(user C.uintptr_t) {
	handle := cgo.Handle(user)
	if release, ok := handle.Value().(func()); ok {
		guarded(func() error { release(); return nil })
	}
	handle.Delete()
}

// vector is a vector of the library as a slice over the same memory.
func vector[H any](start *H, count C.int64_t) []H { return unsafe.Slice(start, int(count)) }
