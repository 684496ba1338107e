// Package capi is the library's C ABI in Go: every function, constant, struct and callback of the header, generated from it.
//
// Use it for what package mixnet does not offer; its functions do no more than convert values. Rules:
//
//   - Handles are C pointers. Who frees them stands in each function's comment.
//   - Checked functions return an *Error with the library's code and message, read in the same C call.
//   - A text parameter that may be NULL is NULL for the value Null. Texts that the library returns are copied; nil means NULL.
//   - Callbacks are Go functions. They may be called on threads that Go did not start; a panic in one becomes an error.
//
// The library is loaded when the program starts; Available tells whether that worked.
package capi
