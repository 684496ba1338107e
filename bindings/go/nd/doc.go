// Package nd has every operator of the library as a function on arrays.
//
// A function returns the first output; mixnet.All asks for the others, mixnet.Out says where to write. It returns at once: the values are
// computed meanwhile, and an error of the computation comes with the first wait or read. An input that is not needed is nil.
// Operators whose name begins with an underscore have the prefix Internal.
package nd
