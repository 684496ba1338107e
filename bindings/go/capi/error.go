package capi

/*
#include "load.h"
*/
import "C"

import "unsafe"

// Error is a failure of the library: one of the Error... codes, and a line such as "[FullyConnected fc1] weight: expected (10, 3), got (10, 4)".
type Error struct {
	Code    int
	Message string
}

// Error is the message.
func (e *Error) Error() string { return e.Message }

// Is holds for an *Error with the same code and no message, so that errors.Is(err, &Error{Code: ErrorShape}) asks for a kind.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Code == e.Code && (other.Message == "" || other.Message == e.Message)
}

func failure(result C.mxn_go_result) error {
	if result.code == 0 {
		return nil
	}
	if result.message == nil {
		return &Error{int(result.code), "[mixnet] no memory for an error's message"}
	}
	message := C.GoString(result.message)
	C.free(unsafe.Pointer(result.message))
	if unavailable != nil {
		return unavailable
	}
	return &Error{int(result.code), message}
}
