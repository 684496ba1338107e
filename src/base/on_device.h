// Marks functions that kernels of GPUs call as well as the host, and their short loops.
#pragma once

#if defined(__CUDACC__)
#define MIXNET_ON_DEVICE __host__ __device__
#else
#define MIXNET_ON_DEVICE
#endif

#if defined(__CUDA_ARCH__)
#define MIXNET_UNROLL _Pragma("unroll")
#else
#define MIXNET_UNROLL
#endif
