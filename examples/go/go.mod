module mixnet.dev/examples

go 1.19

require mixnet.dev/mixnet v0.0.0

replace mixnet.dev/mixnet => ../../bindings/go
