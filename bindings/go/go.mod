module mixnet.dev/mixnet

go 1.19
