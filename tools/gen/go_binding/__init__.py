"""The parts of the Go binding's generator: `names`, `signature` (one function of the header), `glue` (C), `lowlevel` (package capi),
`operators` and `optimizers`."""
