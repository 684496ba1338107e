// Marks functions that kernels of GPUs call as well as the host, and their short loops.
#pragma once

#if defined(__CUDACC__)
#define MIXNET_ON_DEVICE __host__ __device__
#define MIXNET_UNROLL _Pragma("unroll")
#else
#define MIXNET_ON_DEVICE
#define MIXNET_UNROLL
#endif
